//! Kubeconfig files, written as JSON, which is YAML too. Each holds one identity; none skips verification.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::pki::Identity;

/// The text of a kubeconfig for `identity` at `server`, trusting `authority`.
pub(crate) fn render(server: &str, authority: &str, identity: &Identity) -> String {
    let name = "apifleet-local";
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{"name": name, "user": {
            "client-certificate-data": STANDARD.encode(&identity.certificate),
            "client-key-data": STANDARD.encode(&identity.key),
        }}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_trusts_the_authority_and_carries_one_identity() {
        let identity = Identity { certificate: "CERT".into(), key: "KEY".into() };
        let text = render("https://127.0.0.1:6443", "CA", &identity);
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        assert_eq!(cluster["certificate-authority-data"], STANDARD.encode("CA"));
        assert_eq!(config["users"][0]["user"]["client-key-data"], STANDARD.encode("KEY"));
        assert!(!text.contains("insecure"));
    }
}
