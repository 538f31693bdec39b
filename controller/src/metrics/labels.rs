//! The labels of a series that shows a fleet: its namespace and name, and at most two words of closed lists beside them.
//! Nothing that a client or a manifest may invent becomes a label, but for the names themselves.
//!
//! Used by [`super::families`].

use crate::caches::Key;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use std::fmt;

/// A label beside those of the fleet: what it is called, and a word.
pub(super) type Word = (&'static str, &'static str);

/// Of a series that shows the fleet as a whole.
pub(super) const NO_WORDS: [Word; 0] = [];

/// The labels of one series.
#[derive(Debug)]
pub(super) struct Labels<'f, const N: usize> {
    pub(super) fleet: &'f Key,
    pub(super) words: [Word; N],
}

impl<const N: usize> EncodeLabelSet for Labels<'_, N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let Key { namespace, name } = self.fleet;
        [("namespace", &**namespace), ("fleet", &**name)].encode(encoder)?;
        self.words.encode(encoder)
    }
}
