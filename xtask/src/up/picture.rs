//! The picture of a run: load above, replicas below with the schedule's floor, and what happened when. Drawn from the
//! report alone.

use super::report::{Mark, Report};
use super::watch::Sample;
use anyhow::Context;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (960, 560);
const LOAD: RGBColor = RGBColor(37, 99, 171);
const ON_DEMAND: RGBColor = RGBColor(35, 120, 95);
const SPOT: RGBColor = RGBColor(222, 145, 40);
const WANTED: RGBColor = RGBColor(70, 70, 70);
const FLOOR: RGBColor = RGBColor(178, 34, 84);
/// Above it is room for the legend.
const MOST_REPLICAS: f64 = 52.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws the run into an SVG file.
pub(crate) fn draw(report: &Report, file: &Path) -> anyhow::Result<()> {
    draw_run(&report.samples, &report.marks, file)
}

fn draw_run(samples: &[Sample], marks: &[Mark], file: &Path) -> anyhow::Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let drawn = draw_both(samples, marks, &root).and_then(|()| root.present().map_err(Into::into));
    drawn.with_context(|| format!("draw {}", file.display()))
}

fn draw_both(samples: &[Sample], marks: &[Mark], root: &Area) -> anyhow::Result<()> {
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(SIZE.1 / 2);
    let end = samples.last().map_or(1.0, |sample| sample.at_s).max(1.0);
    draw_load(samples, end, &above)?;
    draw_replicas(samples, marks, end, &below)
}

fn draw_load(samples: &[Sample], end: f64, area: &Area<'_>) -> anyhow::Result<()> {
    let mut chart = axes("requests per second", end, 1700.0, area)?;
    let sent = steps(samples, |sample| sample.offered);
    let seen = samples.iter().filter_map(|s| Some((s.at_s, s.seen_rps?)));
    chart
        .draw_series(AreaSeries::new(sent, 0.0, LOAD.mix(0.2)))?
        .label("sent")
        .legend(|(x, y)| swatch(x, y, LOAD.mix(0.2).to_rgba()));
    chart
        .draw_series(LineSeries::new(seen, LOAD.stroke_width(2)))?
        .label("seen by Prometheus over a minute")
        .legend(|(x, y)| swatch(x, y, LOAD.to_rgba()));
    legend(&mut chart)
}

fn draw_replicas(
    samples: &[Sample],
    marks: &[Mark],
    end: f64,
    area: &Area<'_>,
) -> anyhow::Result<()> {
    let mut chart = axes("replicas", end, MOST_REPLICAS, area)?;
    // The whole fleet in the colour of spot, with the on-demand base painted over it: a stack of two.
    let layers = [
        ("Ready on spot", SPOT, Sample::ready as fn(&Sample) -> u32),
        ("Ready on demand", ON_DEMAND, |s: &Sample| s.on_demand.ready),
    ];
    for (name, color, count) in layers {
        let points = steps(samples, count);
        chart
            .draw_series(AreaSeries::new(points, 0.0, color.mix(0.75)))?
            .label(name)
            .legend(move |(x, y)| swatch(x, y, color.mix(0.75).to_rgba()));
    }
    chart
        .draw_series(LineSeries::new(steps(samples, Sample::wanted), WANTED.stroke_width(2)))?
        .label("wanted")
        .legend(|(x, y)| swatch(x, y, WANTED.to_rgba()));
    draw_floor(samples, &mut chart)?;
    draw_marks(marks, &mut chart)?;
    legend(&mut chart)
}

/// The schedule's floor where there is one: a piece for every stretch with one.
fn draw_floor(samples: &[Sample], chart: &mut Chart<'_>) -> anyhow::Result<()> {
    for (piece, stretch) in
        samples.chunk_by(|a, b| a.floor.is_some() == b.floor.is_some()).enumerate()
    {
        if stretch.iter().all(|sample| sample.floor.is_none()) {
            continue;
        }
        let points = steps(stretch, |sample| sample.floor.unwrap_or_default());
        let drawn = chart.draw_series(LineSeries::new(points, FLOOR.stroke_width(2)))?;
        if piece <= 1 {
            drawn.label("floor of the schedule").legend(|(x, y)| swatch(x, y, FLOOR.to_rgba()));
        }
    }
    Ok(())
}

/// What happened, each with a line at its time; the texts take turns in height.
fn draw_marks(marks: &[Mark], chart: &mut Chart<'_>) -> anyhow::Result<()> {
    for (Mark { at_s, what }, height) in marks.iter().zip([47.0, 43.0, 39.0].into_iter().cycle()) {
        let line = [(*at_s, 0.0), (*at_s, height)];
        chart.draw_series(LineSeries::new(line, BLACK.mix(0.4)))?;
        let place = (*at_s, height);
        chart.draw_series([Text::new(format!(" {what}"), place, ("sans-serif", 13))])?;
    }
    Ok(())
}

/// A count holds until the next sample: a staircase, not a slope.
fn steps(samples: &[Sample], count: fn(&Sample) -> u32) -> Vec<(f64, f64)> {
    let next = samples.iter().skip(1).map(|sample| sample.at_s);
    let ends = next.chain(samples.last().map(|sample| sample.at_s));
    samples
        .iter()
        .zip(ends)
        .flat_map(|(sample, end)| {
            let height = f64::from(count(sample));
            [(sample.at_s, height), (end, height)]
        })
        .collect()
}

/// Axes count in whole numbers.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the plotting library passes a reference")]
fn whole(value: &f64) -> String {
    format!("{value:.0}")
}

fn swatch(x: i32, y: i32, color: RGBAColor) -> Rectangle<(i32, i32)> {
    Rectangle::new([(x, y - 5), (x + 16, y + 5)], color.filled())
}

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// An empty chart over the seconds of the run.
fn axes<'a>(caption: &str, end: f64, top: f64, area: &Area<'a>) -> anyhow::Result<Chart<'a>> {
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&whole)
        .y_label_formatter(&whole)
        .x_desc("seconds")
        .draw()?;
    Ok(chart)
}

fn legend(chart: &mut Chart<'_>) -> anyhow::Result<()> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::watch::Target;
    use super::*;

    fn sample(at_s: f64, ready: u32) -> Sample {
        Sample { at_s, on_demand: Target { wanted: 10, ready }, ..Sample::default() }
    }

    #[test]
    fn a_count_holds_until_the_next_sample() {
        let samples = [sample(0.0, 4), sample(2.0, 7)];
        assert_eq!(
            steps(&samples, Sample::ready),
            [(0.0, 4.0), (2.0, 4.0), (2.0, 7.0), (2.0, 7.0)]
        );
    }

    #[test]
    fn a_run_becomes_a_picture_with_its_legend() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("run.svg");
        let floored = Sample { floor: Some(7), ..sample(1.0, 4) };
        let marks = [Mark { at_s: 1.5, what: "the window opens" }];
        draw_run(&[sample(0.0, 4), floored, sample(2.0, 7)], &marks, &file).expect("drawn");
        let text = std::fs::read_to_string(file).expect("written");
        assert!(text.contains("Ready on demand") && text.trim_end().ends_with("</svg>"), "{text}");
        assert!(text.contains("the window opens") && text.contains("floor of the schedule"));
    }

    #[test]
    fn an_empty_run_is_drawn_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(draw_run(&[], &[], &folder.path().join("run.svg")).is_ok());
    }
}
