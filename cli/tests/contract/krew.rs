//! The manifest of the plugin, as a release fills it in, held against what krew asks of one.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const TEMPLATE: &str = include_str!("../../../deploy/krew/apifleet.yaml");
const TAG: &str = "v1.2.3";
/// Longer ones are cut in krew's list.
const SHORT: usize = 50;
/// Longer lines are wrapped by terminals, not by krew.
const LINE: usize = 80;

/// Every field that the template uses is one of krew's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plugin {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    version: String,
    homepage: String,
    short_description: String,
    description: String,
    caveats: String,
    platforms: Vec<Platform>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    selector: Selector,
    uri: String,
    sha256: String,
    bin: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

/// The template as a release's bot fills it in.
fn released() -> Plugin {
    let fill = |line: &str| match line.split_once("{{ addURIAndSha \"") {
        Some((indent, rest)) => {
            let (address, end) = rest.split_once("\" .TagName }}").expect("an address and the tag");
            assert!(end.is_empty(), "after the address: {end}");
            format!("{indent}uri: {address}\n{indent}sha256: {}", "a".repeat(64))
        }
        None => line.to_owned(),
    };
    let lines: Vec<String> = TEMPLATE.lines().map(fill).collect();
    let text = lines.join("\n").replace("{{ .TagName }}", TAG);
    assert!(!text.contains("{{"), "the bot knows no other placeholder: {text}");
    serde_saphyr::from_str(&text).expect("a plugin of krew")
}

#[test]
fn the_released_plugin_is_one_that_krew_takes() {
    let Plugin { api_version, kind, metadata, spec } = released();
    assert_eq!(api_version, "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!((kind.as_str(), metadata.name.as_str()), ("Plugin", "apifleet"));
    assert_eq!(spec.version, TAG);
    assert!(spec.homepage.starts_with("https://"), "{}", spec.homepage);
    let short = &spec.short_description;
    assert!(short.len() <= SHORT && !short.ends_with('.'), "{short}");
    for line in spec.description.lines().chain(spec.caveats.lines()) {
        assert!(line.len() <= LINE, "{line}");
    }
}

#[test]
fn each_platform_has_an_archive_of_its_own_with_the_plugin_in_it() {
    let platforms = released().spec.platforms;
    let kinds: BTreeSet<_> = platforms.iter().map(|it| it.selector.match_labels.clone()).collect();
    let archives: BTreeSet<_> = platforms.iter().map(|it| it.uri.as_str()).collect();
    assert_eq!((kinds.len(), archives.len()), (platforms.len(), platforms.len()));
    assert!(!platforms.is_empty());
    for Platform { selector, uri, sha256, bin } in &platforms {
        let keys: Vec<_> = selector.match_labels.keys().map(String::as_str).collect();
        assert_eq!(keys, ["arch", "os"]);
        let (os, arch) = (&selector.match_labels["os"], &selector.match_labels["arch"]);
        assert!(uri.contains(TAG) && uri.ends_with(&format!("{os}-{arch}.tar.gz")), "{uri}");
        assert_eq!((sha256.len(), bin.as_str()), (64, "kubectl-apifleet"));
    }
}
