{{/*
The Deployment of one target. It never says replicas: they belong to the operator.
Argument: dict root fleet target deployment (target: on-demand | spot).
*/}}
{{- define "apifleet.fleet.deployment" -}}
{{- $fleet := .fleet -}}
{{- $selector := printf "%s\napifleet.dev/target: %s" (include "apifleet.fleet.selector" $fleet) .target -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .deployment }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- $selector | nindent 4 }}
    {{- include "apifleet.labels" .root | nindent 4 }}
spec:
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # Connection caps of the database count these two.
      maxSurge: 2
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- with $fleet.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- $selector | nindent 8 }}
      annotations:
        {{- merge (deepCopy $fleet.podAnnotations) (dict "prometheus.io/scrape" "true" "prometheus.io/port" "8080") | toYaml | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ include "apifleet.fleet.graceSeconds" $fleet }}
      {{- include "apifleet.podSecurity" . | nindent 6 }}
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- with $fleet.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $fleet.service.readinessGates }}
      readinessGates:
      {{- range . }}
      - conditionType: {{ . }}
      {{- end }}
      {{- end }}
      {{- include "apifleet.fleet.nodes" . | trim | nindent 6 }}
      {{- include "apifleet.spread" $selector | nindent 6 }}
      containers:
      - name: api-server
        image: {{ include "apifleet.image" (dict "root" .root "image" $fleet.image) | quote }}
        imagePullPolicy: {{ .root.Values.image.pullPolicy }}
        ports:
        - name: http
          containerPort: 8080
        env:
        {{- include "apifleet.fleet.env" $fleet | nindent 8 }}
        {{- include "apifleet.containerSecurity" . | nindent 8 }}
        startupProbe:
          {{- include "apifleet.httpGet" "/startupz" | nindent 10 }}
          periodSeconds: 1
          # The server itself gives up a database that it cannot reach after 60 s, and says why.
          failureThreshold: 90
        readinessProbe:
          {{- include "apifleet.httpGet" "/readyz" | nindent 10 }}
          periodSeconds: 2
          timeoutSeconds: 1
          failureThreshold: 2
        livenessProbe:
          {{- include "apifleet.httpGet" "/livez" | nindent 10 }}
          periodSeconds: 10
          timeoutSeconds: 3
          failureThreshold: 3
        resources:
          {{- toYaml $fleet.resources | nindent 10 }}
        {{- if not $fleet.database.existingSecret }}
        volumeMounts:
        - name: data
          mountPath: /data
      volumes:
      # Lives and dies with the pod: the embedded store is for trying things out.
      - name: data
        emptyDir:
          sizeLimit: 256Mi
        {{- end }}
{{- end }}

{{/* The server drains by itself on SIGTERM: the drain delay, 2 s that bound any request, and 8 s to spare. Argument: the
fleet. */}}
{{- define "apifleet.fleet.graceSeconds" -}}
{{ add (int .server.drainDelaySeconds) 2 8 }}
{{- end }}

{{/* Environment of the server. Argument: the fleet. */}}
{{- define "apifleet.fleet.env" -}}
- name: LISTEN
  value: 0.0.0.0:8080
{{- if .database.existingSecret }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .database.existingSecret }}
      key: {{ .database.key }}
- name: POOL_SIZE
  value: {{ int .database.poolSize | quote }}
- name: MIGRATE_ON_START
  value: {{ .database.migrateOnStart | quote }}
{{- else }}
- name: DATA_DIR
  value: /data
{{- end }}
- name: REPLICAS_EXPECTED
  value: {{ int .maxReplicas | quote }}
- name: DRAIN_DELAY_SECONDS
  value: {{ int .server.drainDelaySeconds | quote }}
- name: TERMINATION_GRACE_SECONDS
  value: {{ include "apifleet.fleet.graceSeconds" . | quote }}
- name: KEEP_ALIVE_SECONDS
  value: {{ int .server.keepAliveSeconds | quote }}
- name: CONNECTION_MAX_AGE_SECONDS
  value: {{ int .server.connectionMaxAgeSeconds | quote }}
{{- if .server.workers }}
- name: WORKERS
  value: {{ int .server.workers | quote }}
{{- end }}
{{- with .env }}
{{ toYaml . }}
{{- end }}
{{- end }}
