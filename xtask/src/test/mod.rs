//! `cargo xtask test`: everything that CI runs, layer by layer, with one closing line each.

mod helm3;
mod layers;
mod manifests;
mod pages;
mod policies;

pub(crate) use layers::install_tool;

use crate::process;
use apifleet_local::progress::Event;
use clap::Args;
use layers::{Action, Layer};
use std::time::{Duration, Instant};

/// Runs the layers in their order and stops at the first that fails.
#[derive(Args)]
pub(crate) struct Test {
    /// Only these layers, by name; all when absent
    #[arg(value_name = "LAYER", value_parser = layers::names())]
    only: Vec<String>,
}

impl Test {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let chosen = layers::all().into_iter().filter(|layer| self.wants(layer));
        let mut done: Vec<(&str, Duration)> = Vec::new();
        for layer in chosen {
            let started = Instant::now();
            println!("\n=== {}: {}", layer.name, layer.about);
            let result = layer.steps.into_iter().try_for_each(perform);
            done.push((layer.name, started.elapsed()));
            if let Err(error) = result {
                print_summary(&done, Some(layer.name));
                return Err(error.context(format!("layer {}", layer.name)));
            }
        }
        print_summary(&done, None);
        Ok(())
    }

    fn wants(&self, layer: &Layer) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == layer.name)
    }
}

fn perform(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Run { mut command, deadline } => process::run(&mut command, deadline),
        Action::Call(function) => function(),
    }
}

/// What is installed or built first takes a while on a fresh machine.
fn tell(event: Event) {
    if let Event::Step(text) = event {
        println!("{text}");
    }
}

fn print_summary(done: &[(&str, Duration)], failed: Option<&str>) {
    println!();
    for (name, took) in done {
        let verdict = if failed == Some(name) { "FAILED" } else { "ok" };
        println!("{name:<10} {verdict:<6} {:>7.1} s", took.as_secs_f64());
    }
    let bad = usize::from(failed.is_some());
    println!("layers: {} passed, {bad} failed", done.len() - bad);
}
