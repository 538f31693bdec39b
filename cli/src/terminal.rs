//! The two streams: data to standard output, talk to standard error.
//!
//! Colours are taken away where the reader is no terminal or does not want them. A reader that goes away early, as
//! `head` does, ends the program quietly: [`Failure::ReaderGone`].

use crate::failure::Failure;
use anstream::{AutoStream, ColorChoice};
use std::io::{BufRead as _, IsTerminal, Read as _, Stderr, Stdout, Write};

/// No answer to a question is longer.
const LONGEST_ANSWER: u64 = 64;

/// How much is said besides the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Talk {
    /// Errors only.
    Quiet,
    /// Hints as well.
    Usual,
    /// What is asked of the API server as well.
    Verbose,
}

/// Where the answer and the talk go.
pub struct Terminal {
    out: AutoStream<Stdout>,
    err: AutoStream<Stderr>,
    talk: Talk,
    /// The width of the reader's terminal; `None` where the reader is none, and lines are not wrapped.
    pub width: Option<u16>,
    height: usize,
}

// === impl Terminal ===

impl Terminal {
    /// The process' streams.
    #[must_use]
    pub fn new(color: ColorChoice, talk: Talk) -> Self {
        let size = terminal_size::terminal_size_of(std::io::stdout())
            .filter(|_| std::io::stdout().is_terminal());
        Self {
            out: AutoStream::new(std::io::stdout(), choice(color, &std::io::stdout())),
            err: AutoStream::new(std::io::stderr(), choice(color, &std::io::stderr())),
            talk,
            width: size.map(|(width, _)| width.0),
            height: size.map_or(0, |(_, height)| height.0.into()),
        }
    }

    /// Writes data.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn data(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Clears the terminal, for [`Self::redraw`].
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn clear(&mut self) -> Result<(), Failure> {
        let mut raw = std::io::stdout();
        raw.write_all(b"\x1b[2J")?;
        Ok(raw.flush()?)
    }

    /// Replaces what the terminal shows; what does not fit is left out.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn redraw(&mut self, text: &str) -> Result<(), Failure> {
        // Not through the stream that may strip colours: moving the cursor is no colour. Each line is cleared as it is
        // written, and what is below at the end, so that nothing flickers.
        let mut raw = std::io::stdout();
        raw.write_all(b"\x1b[H")?;
        raw.flush()?;
        for line in text.lines().take(self.height.saturating_sub(1)) {
            self.out.write_all(line.as_bytes())?;
            self.out.flush()?;
            raw.write_all(b"\x1b[K\n")?;
        }
        raw.write_all(b"\x1b[J")?;
        Ok(raw.flush()?)
    }

    /// Says something that is no part of the answer. That nobody hears it is no failure.
    pub fn say(&mut self, text: &str) {
        if self.talk > Talk::Quiet {
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// Says something that has to be seen, whatever people want to hear.
    pub fn insist(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Whether somebody sees a question, and can answer it.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks, and waits for an answer. All but a yes is a no.
    ///
    /// # Errors
    /// Where the question cannot be shown.
    pub fn ask(&mut self, question: &str) -> Result<bool, Failure> {
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut answer = String::new();
        let read = std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer);
        Ok(read.is_ok() && agrees(&answer))
    }

    /// Says why there is no answer.
    pub fn fail(&mut self, failure: &Failure) {
        let bad = anstyle::AnsiColor::Red.on_default().bold();
        let _ = writeln!(self.err, "{bad}error:{bad:#} {failure}");
    }

    /// Whether the reader is a person at a terminal.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.width.is_some()
    }
}

/// Whether an answer is a yes.
fn agrees(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn choice(color: ColorChoice, stream: &impl anstream::stream::RawStream) -> ColorChoice {
    // `Auto` knows NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM=dumb.
    if color == ColorChoice::Auto { AutoStream::choice(stream) } else { color }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_a_yes_is_a_no() {
        for yes in ["y\n", "Y", "yes\r\n", " YES "] {
            assert!(agrees(yes), "{yes:?}");
        }
        for no in ["", "\n", "n", "no", "yy", "yes please", "yesno"] {
            assert!(!agrees(no), "{no:?}");
        }
    }
}
