//! The pages of the documentation that this program points to: whoever runs it need not have a checkout.

/// Where they are, as the alerts' `runbook_url` has it.
const FOLDER: &str = "https://github.com/apifleet/apifleet/blob/main/docs";

/// The address of a page, by its path below `docs`.
#[must_use]
pub fn address(page: &str) -> String {
    format!("{FOLDER}/{page}")
}

/// The address of the page about a reason.
#[must_use]
pub fn runbook(reason: &str) -> String {
    address(&format!("runbooks/{reason}.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_where_the_alerts_find_theirs() {
        let alerts = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus/alerts.yaml");
        let alerts = std::fs::read_to_string(alerts).unwrap();
        let urls = alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: "));
        let urls: Vec<&str> = urls.collect();
        let folder = address("runbooks/alerts/");
        assert!(!urls.is_empty() && urls.iter().all(|url| url.starts_with(&folder)), "{urls:?}");
    }
}
