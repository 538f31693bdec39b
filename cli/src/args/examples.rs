//! What the help texts teach: commands that work, the common ones first.

/// Of the program.
pub(super) const TOP: &str = "\
On call:
  apifleet status -A             every fleet in one table
  apifleet status shop-api       one fleet on one screen
  apifleet explain shop-api      why it has its size, stage by stage
  apifleet override shop-api --floor 26 --for 2h --reason \"INC-412\"   more, for a while
  apifleet hold shop-api --for 30m   stop moving

Before a change:
  apifleet simulate -f fleet.yaml   what it would make of a campaign, beside other autoscalers
  apifleet policy set steady targetPerReplica=45   what it changes, what a simulation says, then it asks
  apifleet plan --peak-rps 1500 --node m6i.large   how large a fleet is for a load

Exit codes:
  0 answered, 1 error, 2 wrong usage, 3 a check or limit failed, 4 differences found, 5 timed out waiting";

/// Of `status`.
pub(super) const STATUS: &str = "\
Examples:
  apifleet status -A                                    every fleet of the cluster
  apifleet status shop-api -n shop                      one fleet on one screen
  apifleet status shop-api -w                           the same, live
  apifleet status shop-api --wait=ready --timeout=10m   in a script, after a rollout
  apifleet status shop-api -o json                      for programs

The values are those of the fleet's status, which the operator writes on every change and otherwise once in five \
to six minutes; the screen says how old they are. A narrow terminal shows fewer columns of the table; -o wide shows all.";

/// Of `explain`.
pub(super) const EXPLAIN: &str = "\
Examples:
  apifleet explain shop-api                             the last decision, stage by stage
  apifleet explain shop-api --at 08:03 --prometheus-url http://localhost:9090   what was decided then
  apifleet explain shop-api --why-not 25                what it would take for 25 replicas
  apifleet explain shop-api --what-if rps=1800,p95=260ms   what would be decided then
  apifleet explain shop-api --effective                 the spec with every default applied
  apifleet explain shop-api --effective -o yaml         the same as a manifest

The stages in their order: Trust (which signals can be believed), Demand (what they ask for), Stabilize, Rate, Floors, \
Ceilings, Mode, Place (the split between on demand and spot). The last one that changed something decides.

The fleet's status holds the stages of the last decision alone. With --at an older one is replayed from the request rate \
that Prometheus has of the time before it, as the present manifest decides; the answer says so.";

/// Of `override`.
pub(super) const OVERRIDE: &str = "\
Examples:
  apifleet override shop-api --floor 26 --for 2h --reason \"INC-412 checkout slow\"
  apifleet override shop-api --ceiling 12 --until 18:00 --reason \"INC-412 database\" --immediate
  apifleet override shop-api --no-spot --for 4h --reason \"INC-413 spot is being taken\"
  apifleet override shop-api --list                     what is ordered, and what was
  apifleet override shop-api --extend --for 1h          let it end an hour later
  apifleet override shop-api --end                      end it now

Of several at once a pin beats a hold, a hold the lowest ceiling, a ceiling the highest floor. None \
goes beyond minReplicas..maxReplicas. Each ends by itself, after 24h at most, whether the operator \
runs or not; afterwards the fleet returns by its usual limits. Each is kept for 7 days as the record \
of who ordered what, and why.";

/// Of `hold`.
pub(super) const HOLD: &str = "\
Examples:
  apifleet hold shop-api --for 30m                      stop moving, while you look
  apifleet hold shop-api --until 18:00 --reason \"INC-412 database is being moved\"
  apifleet resume shop-api                              before its time

Only demand moves nothing: minReplicas, the floors of schedules and the cover for lost spot nodes \
still do.";

/// Of `resume`.
pub(super) const RESUME: &str = "\
Examples:
  apifleet resume shop-api                              end every hold of the fleet
  apifleet resume shop-api --yes --wait                 in a script, until the operator has taken it up

Other overrides stay: end those with `override --end`.";

/// Of `calendar`.
pub(super) const CALENDAR: &str = "\
Examples:
  apifleet calendar shop-api                            the next 14 days
  apifleet calendar shop-api --next 60d
  apifleet calendar -f fleet.yaml                       a manifest, without a cluster

Times are in the zone of each schedule, in UTC, and in yours where that is a third one.";

/// Of `simulate`.
pub(super) const SIMULATE: &str = "\
Examples:
  apifleet simulate -f fleet.yaml                     a week of a made-up December campaign
  apifleet simulate -f fleet.yaml --html report.html  the same, and a page with plots to pass on
  apifleet simulate -f policy.yaml --min 10 --max 30  a ScalingPolicy, for a fleet of these bounds
  apifleet simulate -f new.yaml --compare old.yaml    what a change does
  apifleet simulate -f fleet.yaml --compare current   what applying it would change
  apifleet simulate -f fleet.yaml --max-under 1% -q   in CI: 3 if more of the minutes are slow
  apifleet simulate -f fleet.yaml --from csv --trace week.csv --lag 150s --baseline hpa,kpa
  apifleet simulate -f fleet.yaml --from prometheus --prometheus-url http://localhost:9090

The decisions are those of the operator: the same code, fed with the same traffic as the others. \
Nothing is asked of a cluster but by --compare current, and nothing is changed.

Baselines: hpa, hpa-behavior, hpa-cpu, keda, keda-cron, keda-fallback, kpa, aws, aws-gradual, \
aws-scheduled, seasonal, zalando, wpa, phpa, static (the smallest and the largest size), static-N, \
none. Each with its usual settings.

SLOW MINUTES: p95 above 200 ms, or requests turned away. UNDER: their share of all minutes. COST:
replica hours over those of an oracle that knows what comes; 1.00 is the least that carries this
traffic. REVERSALS: changes within ten minutes after one in the other direction. More with -o wide,
all with -o json.";

/// Of `check`.
pub(super) const CHECK: &str = "\
Examples:
  apifleet check --pre                    before the operator is installed
  apifleet check --fleet shop-api         one fleet, and all that it rests on
  apifleet check -A -q -o name            in a script: the codes that failed, and 3 where any did
  apifleet check --fleet shop-api --prometheus-url http://localhost:9090

Each check is ok, warning, failed, or skipped with why; -o wide says what each proves, and one that is not ok names its \
page. Nothing is written: who may do what is asked by access reviews, which keep nothing.";

/// Of `policy`.
pub(super) const POLICY: &str = "\
Examples:
  apifleet policy list -n shop                          the policies of a namespace, and how many fleets follow each
  apifleet policy show steady                           what one says, and which fleets follow it
  apifleet policy lint policies/*.yaml                  check manifests, without a cluster; in CI
  apifleet policy diff steady.yaml                      what applying it would change; 4 if anything
  apifleet policy set steady targetPerReplica=45        change a value: it shows the change, simulates, and asks
  apifleet policy apply steady.yaml --prometheus-url http://localhost:9090

What can be set: targetPerReplica, windowSeconds, staleAfterSeconds, onMissing, fallbackReplicas, \
latencyTargetMilliseconds, latencyPercentile, latencyTolerancePercent, maxErrorPercent, scaleUpWindowSeconds, \
scaleDownWindowSeconds, spotMaxPercent, minOnDemandReplicas, surviveLossOf, survivorsMaxPercentOfTarget, description.

A change that would stall a fleet is refused. Where a tool writes what is in Git, change it there.";

/// Of `plan`.
pub(super) const PLAN: &str = "\
Examples:
  apifleet plan --peak-rps 1500 --per-replica 50 --node m6i.large --spot-percent 60
  apifleet plan --peak-rps 1500 --users 3000000 --node m6i.large --prices prices.yaml
  apifleet plan --peak-rps 1500 --node-cpu 8 --node-memory 32Gi --pod-cpu 500m --pod-memory 512Mi
  apifleet plan --peak-rps 1500 --node m6i.large --name shop-api -n shop -o yaml > fleet.yaml

A node keeps a tenth of its CPU and memory, and 512Mi, for itself. The split between on demand and spot is the \
operator's: at least 4 replicas on demand, and what is left after the spot nodes of a zone are gone carries at most \
140 % of its target. Prices are yours: currency: USD, nodes: {m6i.large: {onDemand: 0.107, spot: 0.041}}.";

/// Of `history`.
pub(super) const HISTORY: &str = "\
Examples:
  apifleet history shop-api                             the last changes of its size, and why
  apifleet history shop-api -o json                     for programs

The last ten are in the status of the fleet; older ones are events, which a cluster keeps for an hour or as it is told.";

/// Of `import`.
pub(super) const IMPORT: &str = "\
Examples:
  apifleet import shop-api --from hpa -n shop > fleet.yaml
  apifleet import shop-api --from scaledobject | kubectl apply -f -
  apifleet import black-friday --from scalingschedule

What could not be carried over is named on standard error and in the manifest's comments. The fleet is in \
mode Observe, and waits while the other autoscaler is there; a comment names the page about taking over without a dip.";

/// Of `completion`.
pub(super) const COMPLETION: &str = "\
Examples:
  source <(apifleet completion bash)
  apifleet completion zsh > ~/.zfunc/_apifleet

For kubectl apifleet, kubectl looks in PATH for kubectl_complete-apifleet: link this program under that name, and verbs, \
flags and the names of fleets complete there.";

/// Of `man`.
pub(super) const MAN: &str = "\
Examples:
  apifleet man | man -l -
  apifleet man status | man -l -
  apifleet man --dir /usr/local/share/man/man1";

/// The command with its examples as they are typed where it is a plugin of kubectl.
pub(super) fn for_kubectl(command: clap::Command) -> clap::Command {
    let after = command.get_after_help().map(|text| {
        text.to_string()
            .replace("\n  apifleet ", "\n  kubectl apifleet ")
            .replace("<(apifleet ", "<(kubectl apifleet ")
    });
    let command = match after {
        Some(after) => command.after_help(after),
        None => command,
    };
    let verbs: Vec<String> =
        command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    verbs.into_iter().fold(command, |command, verb| command.mut_subcommand(verb, for_kubectl))
}
