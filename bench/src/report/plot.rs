//! The plot, as SVG: a line per query. On the left everybody's milliseconds, on the right our ratio to the best peer under
//! each restriction. Both scales are logarithmic.
//!
//! ```text
//!         0.1    1     10    100 ms          1×   2×   5×  10×
//! Q1.1  ●────────○──◇─────△─────            ─┼────┼──●─○───┼──
//! ```

use std::fmt::Write as _;

use super::gates::geometric_mean;
use crate::results::{Line, Results};

const LEFT: Panel = Panel { x: 90.0, width: 520.0 };
const RIGHT: Panel = Panel { x: 670.0, width: 300.0 };
const TOP: f64 = 70.0;
const ROW_HEIGHT: f64 = 19.0;
const WIDTH: f64 = 1000.0;
const OURS: (&str, &str) = ("cubegate", "#d1242f");
/// Colours that people who confuse red and green can tell apart.
const PEER_COLOURS: [&str; 5] = ["#0072b2", "#e69f00", "#009e73", "#7a5195", "#555555"];
const RESTRICTION_COLOURS: [&str; 4] = ["#d1242f", "#b35900", "#1f77b4", "#111111"];
const RATIO_MARKS: [f64; 5] = [1.0, 2.0, 5.0, 10.0, 50.0];

/// Where a scale lies.
#[derive(Clone, Copy)]
struct Panel {
    x: f64,
    width: f64,
}

/// A logarithmic scale.
struct Scale {
    panel: Panel,
    from: f64,
    to: f64,
}

/// The plot as SVG.
pub(super) fn plot(results: &Results) -> String {
    let lines: Vec<&Line> = results.lines.iter().filter(|line| !line.is_restricted()).collect();
    let height = TOP + ROW_HEIGHT * count(lines.len()) + 50.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"white\"/>\n"
    );
    draw_times(&mut svg, results, &lines, height);
    draw_ratios(&mut svg, results, &lines, height);
    for (row, line) in lines.iter().enumerate() {
        text(&mut svg, LEFT.x - 10.0, row_y(row) + 4.0, "end", "#222", &line.query);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_times(svg: &mut String, results: &Results, lines: &[&Line], height: f64) {
    let peers: Vec<(&str, &str)> =
        results.peers.keys().map(String::as_str).zip(PEER_COLOURS.into_iter().cycle()).collect();
    let times = |line: &Line| {
        let peers = line.peers.values().map(|best| best.timing.median_ms());
        peers.chain([line.ours.median_ms()]).collect::<Vec<f64>>()
    };
    let all: Vec<f64> = lines.iter().flat_map(|line| times(line)).collect();
    let scale = Scale::around(LEFT, &all);
    text(svg, LEFT.x, 20.0, "start", "#222", "Milliseconds without restriction, less is better");
    let legend = std::iter::once(OURS).chain(peers.iter().copied());
    draw_legend(svg, LEFT, legend);
    for power in -3..=5 {
        let mark = 10_f64.powi(power);
        let label = if power < 0 { format!("{mark}") } else { format!("{mark:.0}") };
        scale.draw_mark(svg, mark, &label, height, "#ddd");
    }
    for (row, line) in lines.iter().enumerate() {
        let y = row_y(row);
        let of_line = times(line);
        let fold = |pick: fn(f64, f64) -> f64, start| of_line.iter().copied().fold(start, pick);
        let (least, most) = (scale.x(fold(f64::min, f64::INFINITY)), scale.x(fold(f64::max, 0.0)));
        let _ = writeln!(svg, "<path d=\"M{least:.1} {y:.1}H{most:.1}\" stroke=\"#ccc\"/>");
        for (name, colour) in &peers {
            if let Some(best) = line.peers.get(*name) {
                circle(svg, scale.x(best.timing.median_ms()), y, 4.0, colour);
            }
        }
        circle(svg, scale.x(line.ours.median_ms()), y, 5.0, OURS.1);
    }
}

fn draw_ratios(svg: &mut String, results: &Results, lines: &[&Line], height: f64) {
    let ratios: Vec<f64> = results.lines.iter().filter_map(Line::ratio).chain([1.0, 10.0]).collect();
    let scale = Scale::around(RIGHT, &ratios);
    let mean = geometric_mean(results.lines.iter().filter_map(Line::ratio));
    let mean = mean.map_or_else(String::new, |mean| format!(" (mean {mean:.1}×)"));
    text(svg, RIGHT.x, 20.0, "start", "#222", &format!("Best peer ÷ cubegate, more is better{mean}"));
    let names = results.restrictions.iter().map(|restricted| restricted.name.as_str());
    let colours: Vec<(&str, &str)> = names.zip(RESTRICTION_COLOURS.into_iter().cycle()).collect();
    draw_legend(svg, RIGHT, colours.iter().copied());
    for mark in RATIO_MARKS {
        let colour = if mark <= 2.0 { "#888" } else { "#ddd" };
        scale.draw_mark(svg, mark, &format!("{mark:.0}×"), height, colour);
    }
    for (row, line) in lines.iter().enumerate() {
        for (restriction, colour) in &colours {
            let ratio = results.line(&line.query, restriction).and_then(Line::ratio);
            if let Some(ratio) = ratio {
                circle(svg, scale.x(ratio), row_y(row), 3.5, colour);
            }
        }
    }
}

fn draw_legend<'a>(svg: &mut String, panel: Panel, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut x = panel.x + 5.0;
    for (name, colour) in entries {
        circle(svg, x, 38.0, 4.0, colour);
        text(svg, x + 8.0, 42.0, "start", "#222", name);
        x += 30.0 + 6.5 * count(name.chars().count());
    }
}

fn row_y(row: usize) -> f64 {
    TOP + ROW_HEIGHT * (count(row) + 0.5)
}

fn circle(svg: &mut String, x: f64, y: f64, radius: f64, colour: &str) {
    let _ =
        writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\" fill-opacity=\"0.85\"/>");
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>");
}

#[expect(clippy::cast_precision_loss, reason = "few lines and letters")]
fn count(count: usize) -> f64 {
    count as f64
}

impl Scale {
    /// Wide enough for all values, and a little more.
    fn around(panel: Panel, values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|value| value.is_finite() && *value > 0.0);
        let (from, to) = (finite().fold(f64::INFINITY, f64::min), finite().fold(0.0, f64::max));
        if from.is_finite() {
            Self { panel, from: from / 1.2, to: to * 1.2 }
        } else {
            Self { panel, from: 1.0, to: 10.0 }
        }
    }

    fn x(&self, value: f64) -> f64 {
        self.panel.x + self.panel.width * (value / self.from).ln() / (self.to / self.from).ln()
    }

    fn draw_mark(&self, svg: &mut String, value: f64, label: &str, height: f64, colour: &str) {
        if value < self.from || value > self.to {
            return;
        }
        let (x, bottom) = (self.x(value), height - 35.0);
        let _ = writeln!(svg, "<path d=\"M{x:.1} {TOP}V{bottom:.1}\" stroke=\"{colour}\"/>");
        text(svg, x, bottom + 15.0, "middle", "#555", label);
        text(svg, x, TOP - 8.0, "middle", "#555", label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ratios_are_equally_far_apart() {
        let scale = Scale { panel: Panel { x: 0.0, width: 200.0 }, from: 1.0, to: 100.0 };
        let [one, ten, hundred] = [1.0, 10.0, 100.0].map(|value| scale.x(value));
        assert!((one, ten.round(), hundred.round()) == (0.0, 100.0, 200.0), "{one} {ten} {hundred}");
    }
}
