{{/*
From values to fleets: each entry of fleets[] laid over fleetDefaults, then checked for what a schema cannot see.
The templates under fleet/ read the result of "apifleet.fleets" and nothing of .Values but image.
*/}}

{{/* Lays .over over .base, in place: maps key by key, all else is replaced, also by false and 0 (which sprig's
mergeOverwrite takes for absent); null takes the key away. */}}
{{- define "apifleet.overlay" -}}
{{- $base := .base -}}
{{- range $key, $value := .over -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $base $key)) -}}
{{- include "apifleet.overlay" (dict "base" (get $base $key) "over" $value) -}}
{{- else if kindIs "invalid" $value -}}
{{- $_ := unset $base $key -}}
{{- else -}}
{{- $_ := set $base $key $value -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The fleets of this release as a JSON list; use with fromJsonArray. */}}
{{- define "apifleet.fleets" -}}
{{- $fleets := list -}}
{{- range $index, $values := .Values.fleets -}}
{{- $fleet := deepCopy $.Values.fleetDefaults -}}
{{- include "apifleet.overlay" (dict "base" $fleet "over" $values) -}}
{{- /* An empty block is a block: `spot: {}` is a spot target with the operator's defaults. Only null is none. */ -}}
{{- range $block := list "signals" "behavior" "spot" -}}
{{- if not (kindIs "map" (get $fleet $block)) -}}
{{- $_ := unset $fleet $block -}}
{{- end -}}
{{- end -}}
{{- range $block := list "schedules" "dependencies" -}}
{{- if not (get $fleet $block) -}}
{{- /* An empty list says something only where it stands against a policy's. */ -}}
{{- if not (and $fleet.policyRef (kindIs "slice" (get $values $block))) -}}
{{- $_ := unset $fleet $block -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $fleet.policyRef -}}
{{- /* Defaults must not beat the policy: only what the fleet says itself does. */ -}}
{{- range $block := list "signals" "behavior" "schedules" "dependencies" -}}
{{- if not (hasKey $values $block) -}}
{{- $_ := unset $fleet $block -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "apifleet.fleet.check" (dict "path" (printf "fleets[%d]" $index) "fleet" $fleet) -}}
{{- $fleets = append $fleets $fleet -}}
{{- end -}}
{{- if $fleets -}}
{{- include "apifleet.release.check" (dict "root" $ "fleets" $fleets) -}}
{{- end -}}
{{- $fleets | toJson -}}
{{- end }}

{{/* What is wrong with one fleet. Argument: dict path fleet. */}}
{{- define "apifleet.fleet.check" -}}
{{- $fleet := .fleet -}}
{{- $at := printf "%s (%s)" .path $fleet.name -}}
{{- range $key := list "minReplicas" "maxReplicas" -}}
{{- if not (get $fleet $key) -}}
{{- fail (printf "%s.%s: required, in the fleet or in fleetDefaults" $at $key) -}}
{{- end -}}
{{- end -}}
{{- $min := int $fleet.minReplicas -}}
{{- $max := int $fleet.maxReplicas -}}
{{- if lt $max $min -}}
{{- fail (printf "%s.maxReplicas: %d is less than minReplicas %d" $at $max $min) -}}
{{- end -}}
{{- if not $fleet.database.existingSecret -}}
{{- if or (gt $max 1) (hasKey $fleet "spot") -}}
{{- fail (printf "%s.database.existingSecret: required, since the fleet may have %d replicas%s; the embedded store is one file in one pod, so each replica would keep claims of its own and lose them with its pod. Name a Secret that holds the database's URL, or set minReplicas and maxReplicas to 1 and no spot" $at $max (ternary " and a spot target" "" (hasKey $fleet "spot"))) -}}
{{- end -}}
{{- end -}}
{{- if and $fleet.service.loadBalancerClass (ne $fleet.service.type "LoadBalancer") -}}
{{- fail (printf "%s.service.loadBalancerClass: only with service.type LoadBalancer, and it is %s" $at $fleet.service.type) -}}
{{- end -}}
{{- include "apifleet.placement.check" (dict "at" $at "placement" $fleet.placement) -}}
{{- range $key := list "nodeLabels" "customNodeLabels" -}}
{{- if hasKey ($fleet.spot | default dict) $key -}}
{{- fail (printf "%s.spot.%s: set by the chart, so that pods and operator agree which nodes are spot; use placement.platform and placement.customNodeLabels" $at $key) -}}
{{- end -}}
{{- end -}}
{{- $own := list "DATABASE_URL" "POOL_SIZE" "MIGRATE_ON_START" "DATA_DIR" "LISTEN" "DRAIN_DELAY_SECONDS" "TERMINATION_GRACE_SECONDS" "KEEP_ALIVE_SECONDS" "CONNECTION_MAX_AGE_SECONDS" "WORKERS" "REPLICAS_EXPECTED" -}}
{{- range $index, $variable := $fleet.env -}}
{{- if has $variable.name $own -}}
{{- fail (printf "%s.env[%d]: %s is set by the chart, from the keys database and server" $at $index $variable.name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The label is the platform's, or one's own. Argument: dict at placement. */}}
{{- define "apifleet.placement.check" -}}
{{- $placement := .placement -}}
{{- $at := printf "%s.placement.customNodeLabels" .at -}}
{{- if eq $placement.platform "Custom" -}}
{{- if not $placement.customNodeLabels -}}
{{- fail (printf "%s: required with platform Custom; the label that tells spot nodes, and its value on them" $at) -}}
{{- end -}}
{{- else if $placement.customNodeLabels -}}
{{- fail (printf "%s: only for platform Custom; platform %s has a label of its own" $at $placement.platform) -}}
{{- end -}}
{{- end }}

{{/* What is wrong with the fleets together, or with this release as a home for them. Argument: dict root fleets. */}}
{{- define "apifleet.release.check" -}}
{{- if .root.Values.crds.enabled -}}
{{- fail "fleets: a release with crds.enabled cannot hold fleets: Helm looks the kind ApiFleet up before it creates anything, and an uninstall would delete the kind under them. Install the operator first, then the fleets as a release of their own with operator.enabled=false and crds.enabled=false" -}}
{{- end -}}
{{- $taken := dict -}}
{{- range $index, $fleet := .fleets -}}
{{- range $name := list $fleet.name (printf "%s-spot" $fleet.name) (printf "%s-on-demand" $fleet.name) (printf "%s-placeholder" $fleet.name) (printf "%s-spot-placeholder" $fleet.name) -}}
{{- if hasKey $taken $name -}}
{{- fail (printf "fleets[%d].name: %s needs the object name %s, which fleet %s has already" $index $fleet.name $name (get $taken $name)) -}}
{{- end -}}
{{- $_ := set $taken $name $fleet.name -}}
{{- end -}}
{{- end -}}
{{- end }}
