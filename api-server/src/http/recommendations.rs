//! `GET /v1/users/{id}/recommendations`: products that a user may like.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::{Api, json};
use crate::claim::UserId;
use crate::metrics::Route;
use crate::problem::Problem;
use crate::recommendation::Recommendations;

#[derive(Serialize)]
struct Page<'a> {
    user_id: UserId,
    #[serde(flatten)]
    recommendations: &'a Recommendations,
}

/// The handler.
pub async fn recommendations(
    request: HttpRequest,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let user_id = api.user(&request)?;
    let _slot = api.admit(&request, Route::Recommendations)?;
    let found = api.store.recommendations(user_id, api.deadline(&request)).await;
    let found = found.map_err(|error| api.store_problem(Route::Recommendations, error))?;
    Ok(json(HttpResponse::Ok(), &Page { user_id, recommendations: &found }))
}
