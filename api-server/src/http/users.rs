//! `/v1/users/{id}/home` and `/v1/users/{id}/claims`: what a user sees, and claiming.

use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::body::{self, Body};
use super::campaign::Door;
use super::{Api, json};
use crate::campaign::{Day, DoorState};
use crate::claim::{Claim, ClaimRequest, IdempotencyKey, Outcome, UserId};
use crate::metrics::Route;
use crate::problem::Problem;
use crate::store::StoreError;

#[derive(Serialize)]
struct Home<'a> {
    user: Profile,
    today: Option<Today>,
    claims: &'a [Claim],
}

/// What is known of a user: what the claims tell. Someone without any is simply new.
#[derive(Serialize)]
struct Profile {
    id: UserId,
    claims_made: usize,
    first_claim_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Today {
    #[serde(flatten)]
    door: Door,
    claimed: bool,
}

#[derive(Serialize)]
struct Claims<'a> {
    user_id: UserId,
    claims: &'a [Claim],
}

#[derive(Serialize)]
struct Claimed {
    user_id: UserId,
    #[serde(flatten)]
    claim: Claim,
}

/// The body of a claim.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimBody {
    /// The door's number, not yet checked.
    day: i64,
}

impl Body for ClaimBody {
    const EXAMPLE: &'static str = r#"{"day": 8}"#;
}

/// `GET /v1/users/{id}/home`.
pub async fn home(request: HttpRequest, api: Data<Api>) -> Result<HttpResponse, Problem> {
    let user = api.user(&request)?;
    let claims = read(&request, &api, user, Route::Home).await?;
    let now = api.clock.now();
    let profile = Profile {
        id: user,
        claims_made: claims.len(),
        first_claim_at: claims.iter().map(|claim| claim.at).min(),
    };
    let today = api.campaign.today(now).map(|day| Today {
        door: Door::at(&api.campaign, day, now),
        claimed: claims.iter().any(|claim| claim.day == day),
    });
    Ok(json(HttpResponse::Ok(), &Home { user: profile, today, claims: &claims }))
}

/// `GET /v1/users/{id}/claims`.
pub async fn claims(request: HttpRequest, api: Data<Api>) -> Result<HttpResponse, Problem> {
    let user = api.user(&request)?;
    let claims = read(&request, &api, user, Route::Claims).await?;
    Ok(json(HttpResponse::Ok(), &Claims { user_id: user, claims: &claims }))
}

/// `POST /v1/users/{id}/claims`: 201 for a new claim, 200 for a repeated one.
pub async fn claim(
    request: HttpRequest,
    payload: Payload,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let user = api.user(&request)?;
    let key = key(&request)?;
    let deadline = api.deadline(&request);
    let body: ClaimBody = body::read(&request, payload, deadline)
        .await
        .inspect_err(|problem| api.note_slow_body(Route::Claims, problem))?;
    let day = Day::new(body.day).ok_or(Problem::NoDoor)?;
    let _slot = api.admit(&request, Route::Claims)?;
    // Stores keep milliseconds; a claim reads the same in its first answer as in every later one.
    let now = api.clock.now();
    let at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let asked = ClaimRequest { user, day, key, at };

    let problem = |error: StoreError| api.store_problem(Route::Claims, error);
    let refusal = match api.campaign.state(day, now) {
        DoorState::Open => {
            return answer(user, api.store.claim(&asked, deadline).await.map_err(problem)?);
        }
        DoorState::Closed => Problem::DoorClosed(api.campaign.date_of(day).to_string()),
        DoorState::Ended => Problem::CampaignEnded,
    };
    // A repeated request gets its answer even when its door has closed since.
    match api.store.store().find(&asked, deadline).await.map_err(problem)? {
        Some(earlier @ (Outcome::Replayed(_) | Outcome::KeyReused(_))) => answer(user, earlier),
        Some(Outcome::Created(_) | Outcome::AlreadyClaimed(_)) | None => Err(refusal),
    }
}

fn answer(user_id: UserId, outcome: Outcome) -> Result<HttpResponse, Problem> {
    match outcome {
        Outcome::Created(claim) => Ok(json(HttpResponse::Created(), &Claimed { user_id, claim })),
        Outcome::Replayed(claim) => Ok(json(HttpResponse::Ok(), &Claimed { user_id, claim })),
        Outcome::KeyReused(claim) => Err(Problem::KeyReused(claim.day.number())),
        Outcome::AlreadyClaimed(claim) => Err(Problem::AlreadyClaimed(claim.day.number())),
    }
}

async fn read(
    request: &HttpRequest,
    api: &Api,
    user: UserId,
    route: Route,
) -> Result<Arc<[Claim]>, Problem> {
    let _slot = api.admit(request, route)?;
    let deadline = api.deadline(request);
    api.store.claims(user, deadline).await.map_err(|error| api.store_problem(route, error))
}

fn key(request: &HttpRequest) -> Result<IdempotencyKey, Problem> {
    let mut sent = request.headers().get_all("idempotency-key");
    match (sent.next(), sent.next()) {
        (Some(key), None) => IdempotencyKey::parse(key.as_bytes()).ok_or(Problem::Key),
        _ => Err(Problem::Key),
    }
}
