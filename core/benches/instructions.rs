//! Makes a fixed number of decisions and no more: `instructions SHAPE COUNT`. Under callgrind the difference between
//! two counts is what so many decisions cost in instructions, the same on every run however busy the machine is.
//! `cargo xtask bench core` does that. Without arguments, as `cargo bench` calls it, each shape is decided once.

mod fleet;
mod shapes;

use shapes::Shape;
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let (chosen, count) = match arguments.as_slice() {
        [] => (Shape::ALL.to_vec(), Some(1)),
        [name, count] => {
            let chosen = Shape::ALL.into_iter().filter(|shape| shape.as_str() == name);
            (chosen.collect(), count.parse().ok())
        }
        _ => (Vec::new(), None),
    };
    let (false, Some(count)) = (chosen.is_empty(), count) else { return ExitCode::from(2) };
    for shape in chosen {
        let case = shape.case();
        for _ in 0_u32..count {
            black_box(case.decide());
        }
    }
    ExitCode::SUCCESS
}
