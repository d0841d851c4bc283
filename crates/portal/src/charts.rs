//! Charts as SVG, drawn on the server.
//!
//! Every chart has a title and a description for screen readers, and the numbers it is drawn from for a table beside it.
//! The colors in it are names for the style sheet, which gives each its color in either theme.

use askama::Template;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A chart.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What its numbers are, as the heading of their column.
    pub unit: String,
    /// The drawing.
    pub svg: String,
    /// The numbers it is drawn from: label, value as shown.
    pub rows: Vec<(String, String)>,
}

/// A bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// The value as shown.
    pub shown: String,
    /// Its color.
    pub tone: Tone,
}

/// A color by what it means. The style sheet has these very values, to replace them by those of the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// All is well.
    Good,
    /// It should be looked at.
    Warning,
    /// Something is to be done.
    Bad,
    /// It does not count.
    Faint,
}

impl Tone {
    const fn color(self) -> RGBColor {
        match self {
            Self::Plain => RGBColor(0x01, 0x01, 0x01),
            Self::Good => RGBColor(0x02, 0x02, 0x02),
            Self::Warning => RGBColor(0x03, 0x03, 0x03),
            Self::Bad => RGBColor(0x04, 0x04, 0x04),
            Self::Faint => RGBColor(0x05, 0x05, 0x05),
        }
    }
}

/// Text, in the place of the theme's.
const INK: RGBColor = RGBColor(0x06, 0x06, 0x06);
const WIDTH: u32 = 640;
const LABELS: i32 = 190;
const VALUES: i32 = 90;
const ROW: u32 = 28;
/// The most bars that are drawn.
const BARS: usize = 40;

/// Bars below each other, the label before and the value after each.
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> Chart {
    let drawn = &bars[..bars.len().min(BARS)];
    let height = ROW * u32::try_from(drawn.len().max(1)).unwrap_or(1);
    let mut svg = String::new();
    // The drawing is in memory, where nothing fails; without it the table stays.
    let _ = draw_bars(&mut svg, (WIDTH, height), drawn);
    Chart {
        title: title.to_owned(),
        unit: unit.to_owned(),
        svg: described(&svg, title, &words(bars)),
        rows: rows(bars),
    }
}

fn draw_bars(
    svg: &mut String,
    size: (u32, u32),
    bars: &[Bar],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    let largest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let room = f64::from(i32::try_from(size.0)? - LABELS - VALUES);
    let label = text(HPos::Right);
    let value = text(HPos::Left);
    for (at, bar) in (0i32..).zip(bars) {
        let row = i32::try_from(ROW)?;
        let (top, middle) = (at * row + 5, at * row + row / 2);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a part of the width in pixels"
        )]
        let length = if largest > 0.0 {
            (bar.value / largest * room).round().max(1.0) as i32
        } else {
            1
        };
        let corners = [(LABELS, top), (LABELS + length, top + row - 10)];
        area.draw(&Rectangle::new(corners, bar.tone.color().filled()))?;
        area.draw(&Text::new(
            cut(&bar.label),
            (LABELS - 8, middle),
            label.clone(),
        ))?;
        area.draw(&Text::new(
            bar.shown.clone(),
            (LABELS + length + 6, middle),
            value.clone(),
        ))?;
    }
    area.present()?;
    Ok(())
}

/// A line through points in time, each at a share of the width, 0 to 1; values from 0 to 100.
pub fn line(title: &str, unit: &str, points: &[(f64, Bar)]) -> Chart {
    let mut svg = String::new();
    let _ = draw_line(&mut svg, (WIDTH, 180), points);
    let bars: Vec<Bar> = points.iter().map(|(_, bar)| bar.clone()).collect();
    Chart {
        title: title.to_owned(),
        unit: unit.to_owned(),
        svg: described(&svg, title, &words(&bars)),
        rows: rows(&bars),
    }
}

fn draw_line(
    svg: &mut String,
    size: (u32, u32),
    points: &[(f64, Bar)],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .y_label_area_size(36)
        .build_cartesian_2d(0.0..1.0, 0.0..100.0)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(5)
        .y_label_style(text(HPos::Right))
        .axis_style(Tone::Faint.color())
        .bold_line_style(Tone::Faint.color())
        .light_line_style(TRANSPARENT)
        .draw()?;
    let places = points.iter().map(|(at, bar)| (*at, bar.value));
    let stroke = Tone::Plain.color().stroke_width(2);
    chart.draw_series(LineSeries::new(places.clone(), stroke))?;
    let dots = places.map(|place| Circle::new(place, 3, Tone::Plain.color().filled()));
    chart.draw_series(dots)?;
    area.present()?;
    Ok(())
}

/// Boxes from left to right with arrows between them: what replaces what.
pub fn chain(title: &str, unit: &str, steps: &[Bar]) -> Chart {
    let mut svg = String::new();
    let width = u32::try_from(steps.len().max(1)).unwrap_or(1) * 128;
    let _ = draw_chain(&mut svg, (width, 64), steps);
    Chart {
        title: title.to_owned(),
        unit: unit.to_owned(),
        svg: described(&svg, title, &words(steps)),
        rows: rows(steps),
    }
}

fn draw_chain(
    svg: &mut String,
    size: (u32, u32),
    steps: &[Bar],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    let middle = text(HPos::Center);
    for (at, step) in (0i32..).zip(steps) {
        let left = at * 128;
        let corners = [(left + 2, 8), (left + 104, 56)];
        area.draw(&Rectangle::new(corners, step.tone.color().stroke_width(2)))?;
        area.draw(&Text::new(
            step.label.clone(),
            (left + 53, 24),
            middle.clone(),
        ))?;
        area.draw(&Text::new(
            step.shown.clone(),
            (left + 53, 42),
            middle.clone(),
        ))?;
        if left > 0 {
            let shaft = vec![(left - 22, 32), (left, 32)];
            area.draw(&PathElement::new(shaft, INK.stroke_width(1)))?;
            let head = vec![(left, 32), (left - 6, 28), (left - 6, 36)];
            area.draw(&Polygon::new(head, INK.filled()))?;
        }
    }
    area.present()?;
    Ok(())
}

fn text<'a>(horizontal: HPos) -> TextStyle<'a> {
    let style = TextStyle::from(("sans-serif", 13).into_font()).color(&INK);
    style.pos(Pos::new(horizontal, VPos::Center))
}

/// A label that fits before a bar.
fn cut(label: &str) -> String {
    const LONGEST: usize = 26;
    if label.chars().count() <= LONGEST {
        return label.to_owned();
    }
    let kept: String = label.chars().take(LONGEST - 1).collect();
    format!("{kept}…")
}

fn words(bars: &[Bar]) -> String {
    let words = bars
        .iter()
        .map(|bar| format!("{}: {}", bar.label, bar.shown));
    words.collect::<Vec<_>>().join("; ")
}

fn rows(bars: &[Bar]) -> Vec<(String, String)> {
    let rows = bars
        .iter()
        .map(|bar| (bar.label.clone(), bar.shown.clone()));
    rows.collect()
}

/// The drawing with a title and a description in it, which screen readers say.
fn described(svg: &str, title: &str, words: &str) -> String {
    let Some((open, rest)) = svg.split_once('>') else {
        return String::new();
    };
    let drawing = Described {
        open,
        title,
        words,
        rest,
    };
    drawing.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "chart.svg", escape = "html")]
struct Described<'a> {
    open: &'a str,
    title: &'a str,
    words: &'a str,
    rest: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: f64) -> Bar {
        Bar {
            label: label.into(),
            value,
            shown: value.to_string(),
            tone: Tone::Bad,
        }
    }

    #[test]
    fn charts_are_described_and_inert() {
        let bad = "</svg><script>alert(1)</script>";
        let all = [
            bars(bad, "n", &[bar(bad, 3.0), bar("b", 0.0)]),
            line(bad, "n", &[(0.0, bar(bad, 3.0)), (1.0, bar("b", 90.0))]),
            chain(bad, "n", &[bar(bad, 0.0), bar("b", 0.0)]),
        ];
        for chart in all {
            assert!(!chart.svg.contains("<script"), "{}", chart.svg);
            assert!(!chart.svg.contains("style="), "{}", chart.svg);
            assert_eq!(chart.svg.matches("</svg>").count(), 1);
            assert!(chart.svg.contains("<title>&#60;/svg&#62;"));
            assert!(chart.svg.contains("<desc>"));
            assert_eq!(chart.rows.len(), 2);
        }
        assert!(bars("t", "n", &[]).svg.starts_with("<svg"));
    }
}
