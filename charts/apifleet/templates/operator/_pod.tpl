{{/*
What the operator's pods and the pod of `helm test` have in common: the test is worth something because it runs as they do.
*/}}

{{/* Argument: the root context. */}}
{{- define "apifleet.operator.pod" -}}
{{- $operator := .Values.operator -}}
serviceAccountName: apifleet-controller
automountServiceAccountToken: true
enableServiceLinks: false
{{ include "apifleet.podSecurity" . }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $operator.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $operator.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $operator.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Argument: the root context. */}}
{{- define "apifleet.operator.container" -}}
{{- $operator := .Values.operator -}}
image: {{ include "apifleet.image" (dict "root" . "image" $operator.image) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
- name: LISTEN
  value: 0.0.0.0:8081
- name: PROMETHEUS_URL
  value: {{ $operator.prometheusUrl | quote }}
- name: SCRAPE_INTERVAL_SECONDS
  value: {{ int $operator.scrapeIntervalSeconds | quote }}
{{- with $operator.watchNamespace }}
- name: WATCH_NAMESPACE
  value: {{ . | quote }}
{{- end }}
- name: LEASE_NAME
  value: {{ $operator.leaseName | quote }}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: LOG_FORMAT
  value: {{ $operator.logFormat | quote }}
- name: RUST_LOG
  value: {{ $operator.logLevel | quote }}
{{- with $operator.env }}
{{ toYaml . }}
{{- end }}
{{ include "apifleet.containerSecurity" . }}
{{- end }}
