//! Finds what a verb is about: connects, reads the fleet that was named as it is decided, and says where the object of a
//! manifest is. Called by the verbs.

use crate::cluster::{Cluster, Decided};
use crate::failure::Failure;
use crate::names::{FleetName, Namespace};
use crate::settings::{Place, Settings};
use crate::terminal::{Talk, Terminal};

/// A fleet, and where it was read.
pub struct Found {
    /// The API server that knows it.
    pub cluster: Cluster,
    /// The fleet's namespace.
    pub namespace: String,
    /// The fleet.
    pub decided: Decided,
}

/// Connects, and says to which server where people want to know.
pub async fn connect(settings: &Settings, terminal: &mut Terminal) -> Result<Cluster, Failure> {
    let cluster = Cluster::connect(&settings.access).await?;
    if settings.talk == Talk::Verbose {
        let place = cluster
            .namespace(&settings.place)
            .map_or("all namespaces".to_owned(), |name| format!("namespace {name}"));
        terminal.say(&format!("API server {}, {place}", cluster.server()));
    }
    Ok(cluster)
}

/// Reads the fleet that was named.
pub async fn find(
    settings: &Settings,
    name: &FleetName,
    terminal: &mut Terminal,
) -> Result<Found, Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place).unwrap_or_default().to_owned();
    let decided = cluster.decided(&namespace, name).await?;
    Ok(Found { cluster, namespace, decided })
}

/// Where the object of a manifest is: where that says, or else where everything is.
///
/// # Errors
/// Where the manifest says another namespace than `-n`, or one that cannot be.
pub fn namespace_of(
    cluster: &Cluster,
    place: &Place,
    written: Option<&str>,
) -> Result<String, Failure> {
    let Some(written) = written else {
        return Ok(cluster.namespace(place).unwrap_or_default().to_owned());
    };
    match place {
        Place::Namespace(typed) if written != typed.as_str() => Err(Failure::Usage(format!(
            "the manifest says namespace {written}, and -n says {typed}: leave one of them out"
        ))),
        // Parsed, so that nothing in a manifest can change what is asked of the API server.
        Place::Usual | Place::Namespace(_) | Place::All => {
            Namespace::parse(written).map(|namespace| namespace.to_string()).map_err(|why| {
                Failure::Usage(format!("the manifest's namespace {written:?} is none: {why}"))
            })
        }
    }
}

/// Says what a reader should know about a fleet's policy.
pub fn warn(decided: &Decided, terminal: &mut Terminal) {
    if let Some(warning) = decided.warning() {
        terminal.say(&warning);
    }
}
