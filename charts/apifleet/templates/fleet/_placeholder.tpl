{{/*
The placeholders of one target. They do not carry apifleet.dev/fleet, by which Services, budgets and Prometheus find the
fleet's pods; nor the fleet's podLabels, by which a Service of one's own may select them: a placeholder answers nobody.
Argument: dict root fleet target deployment (target: on-demand | spot).
*/}}
{{- define "apifleet.fleet.placeholder" -}}
{{- $fleet := .fleet -}}
{{- $selector := include "apifleet.placeholder.selector" . -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .deployment }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- $selector | nindent 4 }}
    {{- include "apifleet.labels" .root | nindent 4 }}
spec:
  revisionHistoryLimit: 1
  # Never more of them than are asked for: each may cost a node.
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- $selector | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      priorityClassName: apifleet-placeholder
      # Its place is free at once.
      terminationGracePeriodSeconds: 0
      {{- include "apifleet.podSecurity" . | nindent 6 }}
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- include "apifleet.fleet.nodes" . | trim | nindent 6 }}
      {{- include "apifleet.spread" $selector | nindent 6 }}
      containers:
      - name: placeholder
        image: {{ include "apifleet.image" (dict "root" .root "image" $fleet.placeholders.image) | quote }}
        imagePullPolicy: {{ .root.Values.image.pullPolicy }}
        {{- include "apifleet.containerSecurity" . | nindent 8 }}
        # What a pod of the fleet asks for.
        resources:
          {{- toYaml $fleet.resources | nindent 10 }}
{{- end }}

{{/* Labels that select the placeholders of one target. Argument: dict fleet target. */}}
{{- define "apifleet.placeholder.selector" -}}
app.kubernetes.io/name: placeholder
app.kubernetes.io/instance: {{ .fleet.name }}
apifleet.dev/placeholder-for: {{ .fleet.name }}
apifleet.dev/target: {{ .target }}
{{- end }}
