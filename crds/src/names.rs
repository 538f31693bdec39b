//! Names that go into Kubernetes requests and into queries, parsed. A value of these types is safe to use as what
//! its type says; the schema's patterns stand beside the parsers, and a test holds each pair together.

use std::fmt;

/// A DNS-1123 subdomain, as Kubernetes wants for the name of a Deployment.
pub const DEPLOYMENT_NAME: &str =
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The name of an object of one of our kinds: a DNS-1123 subdomain as well.
pub const OBJECT_NAME: &str = DEPLOYMENT_NAME;
/// The name of a series, as Prometheus defines it.
pub const METRIC_NAME: &str = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$";
/// The name of a label, as Prometheus defines it, without the reserved ones that begin with two underscores.
pub const LABEL_NAME: &str = r"^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$";
/// Printable ASCII without quotation mark and backslash.
pub const LABEL_VALUE: &str = r"^[ !#-\[\]-~]+$";
/// A small part of RE2 in which everything that can be written is valid and cheap: no groups, alternatives, counted
/// repetition or quotation marks.
pub const LABEL_PATTERN: &str =
    r"^(([A-Za-z0-9_:/ -]|\\[.d]|\.|\[(0-9|a-z|A-Z|[A-Za-z0-9_])+\])[*+?]?)+$";
/// What people call a schedule or a dependency: a DNS-1123 label of at most 32 characters.
pub const SCHEDULE_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// The name of a Kubernetes label: a name of at most 63 characters, after a DNS-1123 subdomain and a slash or alone.
pub const NODE_LABEL_NAME: &str = concat!(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?",
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
);
/// The value of a Kubernetes label, but for the empty one.
pub const NODE_LABEL_VALUE: &str = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

/// Labels whose value the operator sets itself in every query.
pub const RESERVED_LABELS: [&str; 2] = ["namespace", "le"];

/// Defines a string that has been parsed.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $parse:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name, if it is one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                $parse(text).then(|| Self(text.to_owned()))
            }

            /// The plain text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a Deployment: a DNS-1123 subdomain of at most 253 characters.
    DeploymentName, is_deployment_name
);
name!(
    /// The name of an object of one of our kinds: a DNS-1123 subdomain of at most 253 characters.
    ObjectName, is_deployment_name
);
name!(
    /// The name of a series, of at most 128 characters.
    MetricName, is_metric_name
);
name!(
    /// The name of a label that may be selected by: neither reserved nor longer than 63 characters.
    LabelName, is_label_name
);
name!(
    /// The value of a label: printable ASCII without quotation mark and backslash, 1 to 128 characters. Whoever
    /// writes it into a query still escapes it.
    LabelValue, is_label_value
);
name!(
    /// A regular expression for the whole value of a label, 1 to 64 characters, in the small part of RE2 that
    /// [`LABEL_PATTERN`] describes. It may hold backslashes: whoever writes it into a query escapes it.
    LabelPattern, is_label_pattern
);
name!(
    /// The name of a label of a node, of at most 253 characters.
    NodeLabelName, is_node_label_name
);
name!(
    /// The value of a label of a node, of 1 to 63 characters.
    NodeLabelValue, is_node_label_value
);

/// Whether a schedule or a dependency may be called so.
#[must_use]
pub fn is_schedule_name(text: &str) -> bool {
    text.len() <= 32 && !text.contains('.') && is_deployment_name(text)
}

fn is_node_label_name(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    text.len() <= 253 && prefix.is_none_or(is_deployment_name) && is_node_label_value(name)
}

fn is_node_label_value(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}

fn is_deployment_name(text: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge)
            && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

fn is_metric_name(text: &str) -> bool {
    text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn is_label_name(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && text != "_"
        && !text.starts_with("__")
        && !RESERVED_LABELS.contains(&text)
}

fn is_label_value(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

fn is_label_pattern(text: &str) -> bool {
    if !(1..=64).contains(&text.len()) {
        return false;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let Some(after) = skip_atom(rest) else { return false };
        rest = after.strip_prefix(['*', '+', '?']).unwrap_or(after);
    }
    true
}

/// What follows the first atom: a literal, `.`, `\.`, `\d` or a set.
fn skip_atom(text: &str) -> Option<&str> {
    if let Some(escaped) = text.strip_prefix('\\') {
        return escaped.strip_prefix(['.', 'd']);
    }
    if let Some(set) = text.strip_prefix('[') {
        let (members, after) = set.split_once(']')?;
        return is_set(members).then_some(after);
    }
    let literal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '/' | ' ' | '-' | '.');
    text.strip_prefix(literal)
}

/// One or more of `0-9`, `a-z`, `A-Z` and single letters, digits and underscores.
fn is_set(members: &str) -> bool {
    let mut rest = members;
    while !rest.is_empty() {
        let range = ["0-9", "a-z", "A-Z"].into_iter().find_map(|range| rest.strip_prefix(range));
        let single = || rest.strip_prefix(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let Some(after) = range.or_else(single) else { return false };
        rest = after;
    }
    !members.is_empty()
}
