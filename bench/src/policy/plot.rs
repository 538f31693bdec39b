//! Draws cost against violating minutes: a line for each contestant over its targets, or a point. Nearer to the corner
//! below on the left is better. Pure: from points to SVG.

use crate::{Error, Result};
use plotters::prelude::*;

const SIZE: (u32, u32) = (900, 460);
/// Room at the right for the names.
const NAMES: f64 = 1.25;

/// A contestant with its points: cost ratio and minutes.
pub(crate) type Curve<'a> = (&'a str, Vec<(f64, f64)>);

/// The plot as SVG.
pub(crate) fn svg(caption: &str, curves: &[Curve<'_>]) -> Result<String> {
    let mut text = String::new();
    draw(caption, curves, &mut text).map_err(|problem| Error::Page {
        what: caption.to_owned(),
        problem: problem.to_string(),
    })?;
    Ok(text)
}

fn draw(
    caption: &str,
    curves: &[Curve<'_>],
    text: &mut String,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || curves.iter().flat_map(|(_, points)| points.iter().copied());
    let cheapest = points().map(|(cost, _)| cost).fold(1.0, f64::min);
    let dearest = points().map(|(cost, _)| cost).fold(1.0, f64::max);
    let most = points().map(|(_, minutes)| minutes).fold(1.0, f64::max);
    let end = cheapest + (dearest - cheapest).max(0.1) * NAMES;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(cheapest..end, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("cost, as a multiple of the stable oracle's")
        .y_desc("violating minutes")
        .draw()?;
    for (place, (name, points)) in curves.iter().enumerate() {
        let color = Palette99::pick(place).to_rgba();
        chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 4, color.filled())))?;
        let style = ("sans-serif", 14).into_font().color(&color);
        let named = points.last().map(|point| Text::new(format!("  {name}"), *point, style));
        chart.draw_series(named)?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contestant_is_named_and_has_a_mark_for_each_point() {
        let curves = [("ours", vec![(1.05, 3.0), (1.0, 9.0)]), ("theirs", vec![(1.4, 1.0)])];
        let svg = svg("a trace", &curves).expect("drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("ours") && svg.contains("theirs") && svg.contains("a trace"));
        assert_eq!(svg.matches("<circle").count(), 3);
    }

    #[test]
    fn nothing_to_draw_and_equal_points_are_no_error() {
        assert!(svg("nothing", &[]).is_ok());
        assert!(svg("equal", &[("a", vec![(1.0, 0.0)]), ("b", vec![(1.0, 0.0)])]).is_ok());
    }
}
