//! Reads a trace from CSV: a header `second,requests` or `timestamp,requests`, then one row a bucket with the requests
//! that were counted in it.
//!
//! Streams: one line of bounded length at a time, so that a file of any size costs memory for its rows alone, and
//! those are bounded. Every error is one sentence with the line that it is about.

use super::regular::{Irregular, Regular, regular};
use super::{MOST_BUCKETS, Trace, TraceError};
use jiff::Timestamp;
use std::io::BufRead;

/// Far more than a row needs.
const LONGEST_LINE: u64 = 256;

/// Traces in plain seconds begin here: Monday, 1 January 2029, 00:00 UTC.
pub const SECOND_ZERO: i64 = 1_861_920_000;

/// Why a file is no trace.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The first line.
    #[error(
        "line 1: the header is {0:?}; it must be \"second,requests\" or \"timestamp,requests\""
    )]
    Header(String),
    /// More or fewer than two columns.
    #[error("line {line}: {columns} columns; a row has two, separated by one comma")]
    Columns {
        /// Where.
        line: usize,
        /// How many there are.
        columns: usize,
    },
    /// The first column of a file in seconds.
    #[error("line {line}: {text:?} is no second; write whole seconds, as 0, 60, 120")]
    NotASecond {
        /// Where.
        line: usize,
        /// What is there.
        text: String,
    },
    /// The first column of a file in timestamps.
    #[error("line {line}: {text:?} is no timestamp; write RFC 3339, as 2029-12-08T08:00:00Z")]
    NotATimestamp {
        /// Where.
        line: usize,
        /// What is there.
        text: String,
    },
    /// The second column.
    #[error("line {line}: {text:?} is not a number of requests")]
    NotANumber {
        /// Where.
        line: usize,
        /// What is there.
        text: String,
    },
    /// Fewer requests than none.
    #[error("line {line}: {text} requests; a count is not negative")]
    Negative {
        /// Where.
        line: usize,
        /// What is there.
        text: String,
    },
    /// Not later than the row before.
    #[error("line {line}: not later than the row before; sort the rows by time, one a bucket")]
    Unsorted {
        /// Where.
        line: usize,
    },
    /// Rows are missing.
    #[error(
        "line {line}: {step} seconds after the row before, in a file with a row every {bucket}; \
         fill the gap, or cut the file there"
    )]
    Gap {
        /// The row after it.
        line: usize,
        /// From the row before.
        step: i64,
        /// The smallest step.
        bucket: u32,
    },
    /// No row, or a single one.
    #[error("{0} rows; at least two are needed to tell how long a bucket is")]
    TooFew(usize),
    /// More rows than a trace may have.
    #[error("line {line}: more than {MOST_BUCKETS} rows; use wider buckets, or cut the file")]
    TooMany {
        /// Where.
        line: usize,
    },
    /// No row is as long.
    #[error("line {line}: longer than {LONGEST_LINE} bytes; this is no CSV of two columns")]
    LongLine {
        /// Where.
        line: usize,
    },
    /// Not text.
    #[error("line {line}: not UTF-8 text; this is no CSV")]
    NotText {
        /// Where.
        line: usize,
    },
    /// The rows make no trace.
    #[error("{0}")]
    Trace(#[from] TraceError),
    /// The file cannot be read.
    #[error("line {line}: the file cannot be read: {source}")]
    Read {
        /// Where.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
}

/// What the first column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Seconds,
    Timestamps,
}

/// Reads a trace. Where one row is missing between two, their mean is taken for it; more is an error.
pub fn read(name: &str, input: impl BufRead) -> Result<Trace, CsvError> {
    let mut lines = Lines { input, number: 0, buffer: Vec::new() };
    let header = lines.read_line()?.map_or("", |(_, text)| text);
    let clock = clock(header.trim_start_matches('\u{feff}'))?;
    let mut rows: Vec<(i64, f64)> = Vec::new();
    // The line of each row is its index plus two, plus the empty lines before it.
    let mut empty: Vec<usize> = Vec::new();
    while let Some((line, text)) = lines.read_line()? {
        if text.is_empty() {
            empty.push(rows.len());
            // A file of nothing but empty lines is not read to its end.
            if empty.len() > MOST_BUCKETS {
                return Err(CsvError::TooMany { line });
            }
            continue;
        }
        let row = row(clock, text, line)?;
        if rows.last().is_some_and(|last| row.0 <= last.0) {
            return Err(CsvError::Unsorted { line });
        }
        if rows.len() >= MOST_BUCKETS {
            return Err(CsvError::TooMany { line });
        }
        rows.push(row);
    }
    let line_of = |row: usize| row + 2 + empty.iter().filter(|before| **before <= row).count();
    let Regular { bucket, values } = regular(&rows).map_err(|irregular| match irregular {
        Irregular::TooFew => CsvError::TooFew(rows.len()),
        Irregular::Gap { index, step, bucket } => {
            CsvError::Gap { line: line_of(index), step, bucket }
        }
        Irregular::TooWide => CsvError::Trace(TraceError::TooLong),
    })?;
    let start = rows.first().map_or(0, |row| row.0);
    let start = Timestamp::from_second(start).map_err(|_| TraceError::TooLate)?;
    let rates = values.into_iter().map(|requests| requests / f64::from(bucket)).collect();
    Ok(Trace::new(name, start, bucket, rates)?)
}

fn clock(header: &str) -> Result<Clock, CsvError> {
    match header {
        "second,requests" => Ok(Clock::Seconds),
        "timestamp,requests" => Ok(Clock::Timestamps),
        other => Err(CsvError::Header(other.to_owned())),
    }
}

/// One row: when, in Unix seconds, and how many requests.
fn row(clock: Clock, text: &str, line: usize) -> Result<(i64, f64), CsvError> {
    let columns = text.split(',').count();
    let Some((first, second)) = text.split_once(',').filter(|_| columns == 2) else {
        return Err(CsvError::Columns { line, columns });
    };
    let (first, second) = (first.trim(), second.trim());
    let text = || first.to_owned();
    let at = match clock {
        Clock::Seconds => {
            let second: u32 =
                first.parse().map_err(|_| CsvError::NotASecond { line, text: text() })?;
            SECOND_ZERO + i64::from(second)
        }
        Clock::Timestamps => first
            .parse::<Timestamp>()
            .map_err(|_| CsvError::NotATimestamp { line, text: text() })?
            .as_second(),
    };
    let requests = second.parse::<f64>().ok().filter(|requests| requests.is_finite());
    let Some(requests) = requests else {
        return Err(CsvError::NotANumber { line, text: second.to_owned() });
    };
    if requests < 0.0 {
        return Err(CsvError::Negative { line, text: second.to_owned() });
    }
    Ok((at, requests))
}

/// Lines of bounded length, counted.
struct Lines<R> {
    input: R,
    number: usize,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line with its number, trimmed; `None` after the last.
    fn read_line(&mut self) -> Result<Option<(usize, &str)>, CsvError> {
        self.number += 1;
        let line = self.number;
        self.buffer.clear();
        let mut limited = std::io::Read::take(&mut self.input, LONGEST_LINE);
        let read = limited
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| CsvError::Read { line, source })?;
        if read == 0 {
            return Ok(None);
        }
        if self.buffer.last() != Some(&b'\n') && read as u64 == LONGEST_LINE {
            return Err(CsvError::LongLine { line });
        }
        let text = std::str::from_utf8(&self.buffer).map_err(|_| CsvError::NotText { line })?;
        Ok(Some((line, text.trim())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Trace, CsvError> {
        read("t", text.as_bytes())
    }

    fn refusal(text: &str) -> String {
        parsed(text).unwrap_err().to_string()
    }

    #[test]
    fn seconds_become_rates_per_second() {
        let trace = parsed("second,requests\n0,60\n60,120\n120,0\n").unwrap();
        assert_eq!((trace.bucket(), trace.rates()), (60, &[1.0, 2.0, 0.0][..]));
        assert_eq!(trace.start().to_string(), "2029-01-01T00:00:00Z");
    }

    #[test]
    fn timestamps_may_be_short_or_long_and_files_may_come_from_elsewhere() {
        let trace = parsed(
            "\u{feff}timestamp,requests\r\n2014-04-10T00:04Z,30\r\n2014-04-10T00:09:00+00:00, 60\r\n\r\n",
        )
        .unwrap();
        assert_eq!((trace.bucket(), trace.rates()), (300, &[0.1, 0.2][..]));
        assert_eq!(trace.start().to_string(), "2014-04-10T00:04:00Z");
    }

    #[test]
    fn one_missing_row_is_made_up() {
        let trace = parsed("second,requests\n0,1\n1,1\n3,3\n").unwrap();
        assert_eq!(trace.rates(), [1.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn each_bad_file_has_one_sentence_with_its_line() {
        let cases = [
            ("", "line 1: the header is \"\""),
            ("time;requests\n", "line 1: the header is \"time;requests\""),
            ("second,requests\n", "0 rows"),
            ("second,requests\n\n\n", "0 rows"),
            ("second,requests\n0,5\n", "1 rows"),
            ("second,requests\n0,5\n1,x\n", "line 3: \"x\" is not a number"),
            ("second,requests\n0,5\n1,NaN\n", "line 3: \"NaN\" is not a number"),
            ("second,requests\n0,5\n1,inf\n", "line 3: \"inf\" is not a number"),
            ("second,requests\n0,5\n1,-2\n", "line 3: -2 requests"),
            ("second,requests\n0,5\n\n0,2\n", "line 4: not later than the row before"),
            ("second,requests\n0,5\n1,2\n2,2,2\n", "line 4: 3 columns"),
            ("second,requests\n0\n", "line 2: 1 columns"),
            ("second,requests\n0,5\n1,5\n\n9,5\n", "line 5: 8 seconds after the row before"),
            ("second,requests\n0.5,5\n", "line 2: \"0.5\" is no second"),
            ("second,requests\n-1,5\n", "line 2: \"-1\" is no second"),
            ("timestamp,requests\n2014-13-01T00:00Z,5\n", "line 2: \"2014-13-01T00:00Z\" is no"),
            ("second,requests\n0,5\n4000000000,5\n", "longer than 10000000 buckets"),
        ];
        for (text, expected) in cases {
            let refusal = refusal(text);
            assert!(refusal.starts_with(expected), "{text:?}: {refusal}");
            assert_eq!(refusal.lines().count(), 1, "{refusal}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_without_being_read_to_its_end() {
        let long = format!("second,requests\n0,{}", "1".repeat(1000));
        assert!(refusal(&long).starts_with("line 2: longer than 256 bytes"));
        let binary = read("t", &b"second,requests\n\xff\xfe,1\n"[..]).unwrap_err();
        assert_eq!(binary.to_string(), "line 2: not UTF-8 text; this is no CSV");
        // Endless: the first line never ends.
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert!(matches!(read("t", endless), Err(CsvError::LongLine { line: 1 })));
    }

    #[test]
    fn a_failing_disk_is_said() {
        struct Broken;
        impl std::io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("bad sector"))
            }
        }
        let broken = read("t", std::io::BufReader::new(Broken)).unwrap_err();
        assert_eq!(broken.to_string(), "line 1: the file cannot be read: bad sector");
    }
}
