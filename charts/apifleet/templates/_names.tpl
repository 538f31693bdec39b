{{/*
Names, labels and images. Nothing here decides what is rendered.
*/}}

{{/* Labels of every object: who made it. Argument: the root context. */}}
{{- define "apifleet.labels" -}}
app.kubernetes.io/part-of: apifleet
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels that select the operator's pods. */}}
{{- define "apifleet.operator.selector" -}}
app.kubernetes.io/name: apifleet-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of the pod that `helm test` runs: no Service, budget or spread counts it among the operator's. */}}
{{- define "apifleet.operatorTest.selector" -}}
app.kubernetes.io/name: apifleet-controller-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels that select the pods of a fleet, both targets. Argument: the fleet. */}}
{{- define "apifleet.fleet.selector" -}}
app.kubernetes.io/name: api-server
app.kubernetes.io/instance: {{ .name }}
apifleet.dev/fleet: {{ .name }}
{{- end }}

{{/* repository@digest, or repository:tag. Argument: dict root image. */}}
{{- define "apifleet.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}
{{- end }}
