{{/*
What every pod of the chart has in common: PodSecurity "restricted" and the spread over zones and hosts.
*/}}

{{- define "apifleet.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "apifleet.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/*
Over zones first, and over hosts in each. Never a reason to leave a pod Pending: neither in a cluster of one zone, where
minDomains would stop every pod, nor after a lost zone, where maxSkew would stop its replacements. The price is that the
spread is the scheduler's best effort. Argument: the labels, as YAML.
*/}}
{{- define "apifleet.spread" -}}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  # Pods on nodes that take no more, such as those being reclaimed, are as good as gone: they do not count.
  nodeTaintsPolicy: Honor
  # Old and new pods of a rollout are spread apart from each other.
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels:
      {{- $ | nindent 6 }}
{{- end }}
{{- end }}

{{/* A probe of the container's http port. Argument: the path. */}}
{{- define "apifleet.httpGet" -}}
httpGet:
  path: {{ . }}
  port: http
{{- end }}
