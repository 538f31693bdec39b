//! `GET /v1/campaign`: every door, its date and its state.
//!
//! The page is the same for everyone until midnight, so it is written once a day.

use std::sync::{Mutex, PoisonError};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::Api;
use crate::campaign::{Campaign, Day, DoorState, LAST_DAY};
use crate::metrics::{CacheResult, Layer, Route};
use crate::problem::Problem;

/// The page as last written, with the date for which it holds.
#[derive(Debug, Default)]
pub struct PageCache(Mutex<Option<(Date, Bytes)>>);

#[derive(Serialize)]
struct Page {
    start: Date,
    end: Option<Date>,
    today: Option<Day>,
    doors: Vec<Door>,
}

/// A door as clients see it.
#[derive(Debug, Serialize)]
pub struct Door {
    /// Its number.
    pub day: Day,
    /// When it opens.
    pub date: Date,
    /// What can be done with it.
    pub state: DoorState,
}

impl Door {
    /// The door `day` of `campaign` at `now`.
    #[must_use]
    pub fn at(campaign: &Campaign, day: Day, now: Timestamp) -> Self {
        Self { day, date: campaign.date_of(day), state: campaign.state(day, now) }
    }
}

/// The handler.
pub async fn campaign(request: HttpRequest, api: Data<Api>) -> Result<HttpResponse, Problem> {
    let _slot = api.admit(&request, Route::Campaign)?;
    let now = api.clock.now();
    let date = api.campaign.date(now);
    let mut page = api.page.0.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = match &*page {
        Some((written, bytes)) if *written == date => {
            api.metrics.cache(Layer::Page, CacheResult::Hit);
            bytes.clone()
        }
        _ => {
            api.metrics.cache(Layer::Page, CacheResult::Miss);
            let bytes = Bytes::from(write(&api.campaign, now));
            *page = Some((date, bytes.clone()));
            bytes
        }
    };
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(bytes))
}

fn write(campaign: &Campaign, now: Timestamp) -> Vec<u8> {
    let page = Page {
        start: campaign.start,
        end: Day::new(i64::from(LAST_DAY)).map(|day| campaign.date_of(day)),
        today: campaign.today(now),
        doors: Day::all().map(|day| Door::at(campaign, day, now)).collect(),
    };
    // Numbers, dates and fixed texts: nothing in them can fail to serialize.
    serde_json::to_vec(&page).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::OpenDays;

    #[test]
    fn the_page_shows_all_doors_with_date_and_state() {
        let campaign = Campaign {
            start: jiff::civil::date(2026, 12, 8),
            offset: jiff::tz::Offset::UTC,
            open_days: OpenDays::Calendar,
        };
        let page = write(&campaign, "2026-12-09T10:00:00Z".parse().unwrap());
        let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
        assert_eq!((&page["start"], &page["end"]), (&"2026-12-08".into(), &"2026-12-31".into()));
        assert_eq!(page["today"], 9);
        let doors = page["doors"].as_array().unwrap();
        assert_eq!(doors.len(), 24);
        assert_eq!(doors[1]["state"], "open");
        assert_eq!(
            doors[2],
            serde_json::json!({"day": 10, "date": "2026-12-10", "state": "closed"})
        );
    }
}
