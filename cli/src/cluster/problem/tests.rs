//! What is said of each answer of the API server, and which of them are final.

use super::*;
use kube::core::Status;

fn asked() -> Asked {
    Asked::new("list", Resource::Fleets, Some("shop"), "https://10.0.0.1:6443")
}

fn answered(code: u16, message: &str) -> String {
    let status = Status::failure(message, "").with_code(code);
    Problem::of(Error::Api(status.boxed()), &asked()).to_string()
}

#[test]
fn a_missing_permission_names_verb_and_resource_and_place() {
    assert_eq!(
        answered(403, "apifleets.apifleet.dev is forbidden: User \"jo\" cannot list"),
        "no permission to list apifleets.apifleet.dev in namespace shop: ask for the ClusterRole apifleet-oncall; \
         check with: kubectl auth can-i list apifleets.apifleet.dev -n shop"
    );
}

#[test]
fn whoever_may_not_look_everywhere_may_look_into_a_namespace() {
    let refused = || Error::Api(Status::failure("no", "").with_code(403).boxed());
    let everywhere = |resource| Asked::new("list", resource, None, "https://10.0.0.1:6443");
    assert_eq!(
        Problem::of(refused(), &everywhere(Resource::Fleets)).to_string(),
        "no permission to list apifleets.apifleet.dev in all namespaces: ask for the ClusterRole apifleet-oncall, or name \
         a namespace with -n; check with: kubectl auth can-i list apifleets.apifleet.dev -A"
    );
    let nodes = Problem::of(refused(), &everywhere(Resource::Foreign("nodes"))).to_string();
    assert!(!nodes.contains("-n;"), "nodes are in no namespace: {nodes}");
}

#[test]
fn a_cluster_without_the_resource_says_how_to_install_it() {
    let said = answered(404, "the server could not find the requested resource");
    assert!(
        said.contains("helm install") && said.contains("--set operator.prometheusUrl=URL"),
        "the chart refuses an operator without it: {said}"
    );
    let details =
        serde_json::json!({"name": "shop-api", "group": "apifleet.dev", "kind": "apifleets"});
    let details = serde_json::from_value(details).unwrap();
    let status = Status::failure("not found", "NotFound").with_code(404).with_details(details);
    let said = Problem::of(Error::Api(status.boxed()), &asked()).to_string();
    assert!(said.starts_with("no fleet \"shop-api\""), "{said}");
}

#[test]
fn a_page_of_html_becomes_one_short_line() {
    let said = answered(503, &"<html>\n<body>\nno\n".repeat(200));
    assert!(said.len() < 500 && !said.contains('\n'), "{said}");
    assert!(said.contains("503"), "{said}");
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let of =
        |code| Problem::of(Error::Api(Status::failure("", "").with_code(code).boxed()), &asked());
    for code in [429, 500, 503, 410] {
        assert!(!of(code).is_final(), "{code}");
    }
    for code in [401, 403, 404] {
        assert!(of(code).is_final(), "{code}");
    }
}
