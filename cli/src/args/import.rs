//! What can be typed after `import`.

use crate::import::{Import, Kind};
use apifleet_crds::names::ObjectName;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The name of the autoscaler
    #[arg(value_parser = parse_name)]
    pub name: ObjectName,

    /// The kind of the autoscaler
    #[arg(long, value_name = "KIND", value_enum)]
    pub from: Kind,
}

/// A name, with or without its kind, as `kubectl -o name` prints it.
fn parse_name(text: &str) -> Result<ObjectName, String> {
    let name = text.rsplit('/').next().unwrap_or(text);
    let expected = "the name of an object has lower case letters, digits, - and .";
    ObjectName::parse(name).ok_or_else(|| expected.to_owned())
}

impl From<ImportArgs> for Import {
    fn from(ImportArgs { name, from }: ImportArgs) -> Self {
        Self { from, name }
    }
}
