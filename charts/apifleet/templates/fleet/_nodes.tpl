{{/*
Which nodes a target's pods may run on, and how the ApiFleet is told the same: both are read from one value,
placement.platform. Deployments and placeholders take it from here.
*/}}

{{/* What each platform puts on its nodes. Without onDemand: on demand is every node that is not spot. */}}
{{- define "apifleet.platforms" -}}
Karpenter: {label: karpenter.sh/capacity-type, spot: spot, onDemand: on-demand}
EKS: {label: eks.amazonaws.com/capacityType, spot: SPOT, onDemand: ON_DEMAND}
GKE:
  label: cloud.google.com/gke-spot
  spot: "true"
  # Node pools that GKE makes by itself have this taint, others only if somebody put it there.
  spotTaint: {key: cloud.google.com/gke-spot, operator: Equal, value: "true", effect: NoSchedule}
AKS:
  label: kubernetes.azure.com/scalesetpriority
  spot: spot
  spotTaint: {key: kubernetes.azure.com/scalesetpriority, operator: Equal, value: spot, effect: NoSchedule}
{{- end }}

{{/* What a fleet's nodes have, as above. Argument: the fleet. */}}
{{- define "apifleet.fleet.platform" -}}
{{- if eq .placement.platform "Custom" -}}
{{- toYaml .placement.customNodeLabels -}}
{{- else -}}
{{- get (include "apifleet.platforms" . | fromYaml) .placement.platform | toYaml -}}
{{- end -}}
{{- end }}

{{/* The same for the ApiFleet's spot block. Argument: the fleet. */}}
{{- define "apifleet.fleet.nodeLabels" -}}
nodeLabels: {{ .placement.platform }}
{{- with .placement.customNodeLabels }}
customNodeLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* nodeSelector, affinity, tolerations of a target's pods. Argument: dict fleet target. */}}
{{- define "apifleet.fleet.nodes" -}}
{{- $placement := .fleet.placement -}}
{{- $platform := include "apifleet.fleet.platform" .fleet | fromYaml -}}
{{- $spot := eq .target "spot" -}}
{{- with .fleet.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $placement.enabled }}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions:
        - key: {{ $platform.label }}
          {{- $value := ternary $platform.spot $platform.onDemand $spot }}
          operator: {{ ternary "NotIn" "In" (empty $value) }}
          values: [{{ $value | default $platform.spot | quote }}]
{{- end }}
{{- $tolerations := ternary $placement.spotTolerations $placement.onDemandTolerations $spot }}
{{- if and $spot $platform.spotTaint }}
{{- $tolerations = prepend $tolerations $platform.spotTaint }}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}
