//! Makes a trace of the answer to a Prometheus range query: parses only, asks nobody.
//!
//! The query must have given one series of requests per second, as `sum(rate(http_requests_total[1m]))` does.

use super::regular::{Irregular, Regular, regular};
use super::{MOST_BUCKETS, Trace, TraceError};
use jiff::Timestamp;
use serde::Deserialize;

/// Why an answer is no trace.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// Not what Prometheus answers.
    #[error("no answer of a Prometheus: {0}")]
    Json(#[from] serde_json::Error),
    /// Prometheus says why itself.
    #[error("Prometheus refused the query: {0}")]
    Refused(String),
    /// An instant query's answer, say.
    #[error("the answer is a {0:?}; ask a range query, which answers a \"matrix\"")]
    NotAMatrix(String),
    /// None, or more than one.
    #[error("{0} series; a trace needs exactly one: aggregate the query with sum()")]
    Series(usize),
    /// Fewer than two samples.
    #[error("{0} samples; at least two are needed to tell how long a step is")]
    TooFew(usize),
    /// More samples than a trace may have.
    #[error("more than {MOST_BUCKETS} samples; use a longer step")]
    TooMany,
    /// A value means nothing.
    #[error("at {at}: {value:?} is no rate of requests")]
    NotARate {
        /// When.
        at: i64,
        /// What is there.
        value: String,
    },
    /// Not later than the sample before.
    #[error("at {at}: not later than the sample before")]
    Unsorted {
        /// When.
        at: i64,
    },
    /// Samples are missing.
    #[error(
        "at {at}: {step} seconds after the sample before, with a sample every {bucket}; ask for a range without gaps"
    )]
    Gap {
        /// The sample after it.
        at: i64,
        /// From the sample before.
        step: i64,
        /// The smallest step.
        bucket: u32,
    },
    /// The samples make no trace.
    #[error("{0}")]
    Trace(#[from] TraceError),
}

#[derive(Deserialize)]
struct Body {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Series {
    values: Vec<(f64, String)>,
}

/// Makes a trace of the body of `/api/v1/query_range`. A single missing sample is taken for the mean of its
/// neighbours; more is an error.
pub fn range(name: &str, body: &str) -> Result<Trace, RangeError> {
    let body: Body = serde_json::from_str(body)?;
    let Some(data) = body.data.filter(|_| body.status == "success") else {
        return Err(RangeError::Refused(body.error));
    };
    if data.result_type != "matrix" {
        return Err(RangeError::NotAMatrix(data.result_type));
    }
    let series: Vec<Series> = serde_json::from_value(data.result)?;
    let [series] = series.as_slice() else { return Err(RangeError::Series(series.len())) };
    if series.values.len() > MOST_BUCKETS {
        return Err(RangeError::TooMany);
    }
    let rows = rows(&series.values)?;
    let Regular { bucket, values } = regular(&rows).map_err(|irregular| match irregular {
        Irregular::TooFew => RangeError::TooFew(rows.len()),
        Irregular::Gap { index, step, bucket } => {
            RangeError::Gap { at: rows.get(index).map_or(0, |row| row.0), step, bucket }
        }
        Irregular::TooWide => RangeError::Trace(TraceError::TooLong),
    })?;
    let start = rows.first().map_or(0, |row| row.0);
    let start = Timestamp::from_second(start).map_err(|_| TraceError::TooLate)?;
    Ok(Trace::new(name, start, bucket, values)?)
}

#[allow(clippy::cast_possible_truncation, reason = "`as` saturates; years are checked later")]
fn rows(values: &[(f64, String)]) -> Result<Vec<(i64, f64)>, RangeError> {
    let mut rows: Vec<(i64, f64)> = Vec::with_capacity(values.len());
    for (at, text) in values {
        let at = at.round() as i64;
        let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate >= 0.0);
        let Some(rate) = rate else {
            return Err(RangeError::NotARate { at, value: text.clone() });
        };
        if rows.last().is_some_and(|last| at <= last.0) {
            return Err(RangeError::Unsorted { at });
        }
        rows.push((at, rate));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(result: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#)
    }

    fn refusal(body: &str) -> String {
        range("t", body).unwrap_err().to_string()
    }

    #[test]
    fn a_matrix_of_one_series_is_a_trace() {
        let body = answer(
            r#"{"metric":{"fleet":"api"},"values":[[1735700000,"300"],[1735700015.2,"310.5"],[1735700030,"0"]]}"#,
        );
        let trace = range("t", &body).unwrap();
        assert_eq!((trace.bucket(), trace.rates()), (15, &[300.0, 310.5, 0.0][..]));
        assert_eq!(trace.start().as_second(), 1_735_700_000);
    }

    #[test]
    fn what_is_no_trace_is_refused_with_the_next_step() {
        assert!(refusal("<html>").starts_with("no answer of a Prometheus"));
        assert_eq!(
            refusal(r#"{"status":"error","error":"query timed out"}"#),
            "Prometheus refused the query: query timed out"
        );
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        assert!(refusal(vector).starts_with("the answer is a \"vector\""));
        assert!(refusal(&answer("")).starts_with("0 series"));
        let one = r#"{"metric":{},"values":[[0,"1"]]}"#;
        assert!(refusal(&answer(&format!("{one},{one}"))).starts_with("2 series"));
        assert!(refusal(&answer(one)).starts_with("1 samples"));
        let of =
            |values: &str| refusal(&answer(&format!(r#"{{"metric":{{}},"values":[{values}]}}"#)));
        assert_eq!(of(r#"[0,"1"],[15,"NaN"]"#), "at 15: \"NaN\" is no rate of requests");
        assert_eq!(of(r#"[0,"1"],[15,"-1"]"#), "at 15: \"-1\" is no rate of requests");
        assert_eq!(of(r#"[15,"1"],[15,"1"]"#), "at 15: not later than the sample before");
        assert!(of(r#"[0,"1"],[15,"1"],[300,"1"]"#).starts_with("at 300: 285 seconds after"));
    }
}
