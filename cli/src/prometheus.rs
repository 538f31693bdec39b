//! What every question to a Prometheus shares: how it is connected to, a bound on its answer, and which cause of a failure is
//! told. Used by `simulate`, `policy` and `check`.

use crate::simulate::typed::Address;
use prometheus_http_query::Client;
use reqwest::redirect::Policy;
use std::time::Duration;

/// A connection is waited for no longer.
const CONNECT: Duration = Duration::from_secs(30);
/// One series of 11,000 points needs less than a megabyte.
const LARGEST_ANSWER: usize = 4 << 20;

/// What asks at an address: without following redirects, and with a deadline for the connection.
///
/// # Errors
/// Where it cannot be set up: why.
pub fn client(address: &Address) -> Result<Client, String> {
    let builder = reqwest::Client::builder().redirect(Policy::none()).connect_timeout(CONNECT);
    // A program of one file has no certificates of authorities, and without TLS none are missed.
    let plain = address.as_str().starts_with("http://");
    let builder = if plain { builder.tls_certs_only([]) } else { builder };
    let http = builder.build().map_err(|error| innermost(&error))?;
    Client::from(http, address.as_str()).map_err(|error| innermost(&error))
}

/// The body of an answer of Prometheus, which may be a refusal.
///
/// # Errors
/// Where there is none that could be Prometheus': why.
pub async fn body(answer: reqwest::Response) -> Result<String, String> {
    let status = answer.status();
    let body = read(answer).await?;
    // A refusal says why in its body; anything else is not Prometheus'.
    if !status.is_success() && !body.starts_with('{') {
        return Err(format!("it answered with status {}", status.as_u16()));
    }
    Ok(body)
}

/// An answer may be too large.
async fn read(mut answer: reqwest::Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| innermost(&error))? {
        if body.len().saturating_add(chunk.len()) > LARGEST_ANSWER {
            return Err(format!("the answer is larger than {} MiB", LARGEST_ANSWER >> 20));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| "the answer is not text".to_owned())
}

/// The innermost cause says what happened; the outer ones repeat the address, which may carry credentials.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
