//! A picture of a sweep over two of its settings: a plateau is worth more than a peak, and is seen at once.

use std::fmt::Write;

use super::space::short;
use super::{Axis, Metric, SweepReport};

/// Most values of a side that are drawn: more cells than a screen has room for say nothing.
const MAX_SIDE: usize = 200;
/// Longest side of a cell, in pixels.
const CELL: f64 = 64.0;
/// The picture of the cells is about so wide and high, in pixels.
const FIELD: f64 = 640.0;
/// Cells smaller than this have no number in them.
const ROOM_FOR_NUMBER: f64 = 38.0;
/// Room around the cells, for what is written there.
const LEFT: f64 = 110.0;
const TOP: f64 = 70.0;
const RIGHT: f64 = 130.0;
const BOTTOM: f64 = 80.0;

/// A figure over two settings.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisMap {
    metric: Metric,
    across: (String, Vec<String>),
    up: (String, Vec<String>),
    /// Median over the other settings, by `up`, then `across`; none where no run has the figure.
    cells: Vec<Vec<Option<f64>>>,
    /// Are there other settings, so that a cell stands for several runs?
    is_median: bool,
}

impl AxisMap {
    /// The figure of every pair of values. Where other settings vary too, a cell is the median over them.
    ///
    /// # Errors
    /// If a setting is not one of the sweep's, or has too many values to be drawn.
    pub fn new(report: &SweepReport, across: &str, up: &str) -> Result<AxisMap, String> {
        let (x, y) = sides(&report.axes, across, up)?;
        let mut found = vec![vec![Vec::new(); report.axes[x].values.len()]; report.axes[y].values.len()];
        for one in &report.ranked {
            let place = |axis: usize| report.axes[axis].values.iter().position(|value| *value == one.values[axis]);
            if let (Some(column), Some(row), Some(value)) = (place(x), place(y), report.metric.of(&one.figures)) {
                found[row][column].push(value);
            }
        }
        let cells = found.into_iter().map(|row| row.into_iter().map(median).collect()).collect();
        let side = |at: usize| (report.axes[at].setting.clone(), report.axes[at].values.clone());
        Ok(AxisMap { metric: report.metric, across: side(x), up: side(y), cells, is_median: report.axes.len() > 2 })
    }
}

/// The places of two settings among those that vary, by their whole names or the last words of them.
///
/// # Errors
/// If a setting is not one of them, or has too many values to be drawn.
pub fn sides(axes: &[Axis], across: &str, up: &str) -> Result<(usize, usize), String> {
    let swept: Vec<&str> = axes.iter().map(|axis| axis.setting.as_str()).collect();
    let find = |name: &str| {
        let at = axes.iter().position(|axis| axis.setting == name || short(&axis.setting) == name);
        at.ok_or_else(|| format!("--map-axes: `{name}` is not swept; swept are {}", swept.join(", ")))
    };
    let (x, y) = (find(across)?, find(up)?);
    if x == y {
        return Err(format!("--map-axes: `{across}` is named twice; name two of {}", swept.join(", ")));
    }
    match [&axes[x], &axes[y]].into_iter().find(|axis| axis.values.len() > MAX_SIDE) {
        Some(Axis { setting, values }) => {
            Err(format!("--map: {setting} has {} values, and {MAX_SIDE} can be drawn; take larger steps", values.len()))
        }
        None => Ok((x, y)),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*lower, *upper))
}

/// The picture, as an SVG document without anything outside of it.
pub fn svg(map: &AxisMap) -> String {
    let (columns, rows) = (map.across.1.len(), map.up.1.len());
    let cell = |count: usize| (FIELD / count as f64).clamp(4.0, CELL);
    let (wide, high) = (cell(columns), cell(rows));
    let (width, height) = (wide * columns as f64, high * rows as f64);
    let known: Vec<f64> = map.cells.iter().flatten().flatten().copied().collect();
    let least = known.iter().copied().fold(f64::INFINITY, f64::min);
    let most = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let number = |value: f64| written(map.metric, value);
    let mut out = String::new();
    let (all_wide, all_high) = ((LEFT + width + RIGHT).max(420.0), TOP + height + BOTTOM);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all_wide:.0}\" height=\"{all_high:.0}\" \
         viewBox=\"0 0 {all_wide:.0} {all_high:.0}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let what = if map.is_median { "median over the other settings" } else { "one run a cell" };
    text(
        &mut out,
        LEFT,
        28.0,
        "start",
        "font-size=\"17\" font-weight=\"600\"",
        &format!("{} of a sweep", map.metric.as_str()),
    );
    text(&mut out, LEFT, 48.0, "start", "fill=\"#555555\"", &format!("{what}; grey where no run has the figure"));
    for (row, cells) in map.cells.iter().enumerate() {
        let top = TOP + height - high * (row + 1) as f64;
        for (column, value) in cells.iter().enumerate() {
            let left = LEFT + wide * column as f64;
            let share = value.map(|value| if most > least { (value - least) / (most - least) } else { 0.5 });
            let share = share.map(|share| if map.metric == Metric::Drawdown { 1.0 - share } else { share });
            let label = value.map_or_else(|| "no figure".to_owned(), number);
            let _ = writeln!(
                out,
                "<rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"{}\">\
                 <title>{} = {}, {} = {}: {label}</title></rect>",
                share.map_or_else(|| "#d8d8d8".to_owned(), colour),
                escaped(&map.across.0),
                escaped(&map.across.1[column]),
                escaped(&map.up.0),
                escaped(&map.up.1[row]),
            );
            if let Some(share) = share.filter(|_| wide >= ROOM_FOR_NUMBER && high >= 14.0) {
                let ink = if share > 0.6 { "#111111" } else { "#ffffff" };
                let style = format!("fill=\"{ink}\" font-size=\"11\"");
                text(&mut out, left + wide / 2.0, top + high / 2.0 + 4.0, "middle", &style, &label);
            }
        }
    }
    let every = |count: usize, size: f64, room: f64| ((room / size).ceil() as usize).clamp(1, count.max(1));
    let longest = map.across.1.iter().map(String::len).max().unwrap_or_default();
    for column in (0..columns).step_by(every(columns, wide, 14.0 + 7.0 * longest as f64)) {
        let middle = LEFT + wide * (column as f64 + 0.5);
        text(&mut out, middle, TOP + height + 18.0, "middle", "", &map.across.1[column]);
    }
    for row in (0..rows).step_by(every(rows, high, 16.0)) {
        let middle = TOP + height - high * (row as f64 + 0.5) + 4.0;
        text(&mut out, LEFT - 8.0, middle, "end", "", &map.up.1[row]);
    }
    text(&mut out, LEFT + width / 2.0, TOP + height + 44.0, "middle", "font-weight=\"600\"", &map.across.0);
    let (x, y) = (28.0, TOP + height / 2.0);
    let turned = format!("font-weight=\"600\" transform=\"rotate(-90 {x} {y:.1})\"");
    text(&mut out, x, y, "middle", &turned, &map.up.0);
    if !known.is_empty() {
        scale(&mut out, LEFT + width + 24.0, height, (least, most), map.metric);
    }
    out.push_str("</svg>\n");
    out
}

/// The colours with their numbers, the better above.
fn scale(out: &mut String, left: f64, height: f64, (least, most): (f64, f64), metric: Metric) {
    const STEPS: usize = 40;
    let high = height / STEPS as f64;
    for step in 0..STEPS {
        let top = TOP + height - high * (step + 1) as f64;
        let fill = colour((step as f64 + 0.5) / STEPS as f64);
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.2}\" width=\"16\" height=\"{:.2}\" fill=\"{fill}\"/>",
            high + 0.5
        );
    }
    let (below, above) = if metric == Metric::Drawdown { (most, least) } else { (least, most) };
    text(out, left + 22.0, TOP + 10.0, "start", "", &written(metric, above));
    text(out, left + 22.0, TOP + height, "start", "", &written(metric, below));
}

fn written(metric: Metric, value: f64) -> String {
    if metric.is_percent() { format!("{:.1}%", value * 100.0) } else { format!("{value:.2}") }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, style: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{words}</text>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// From dark blue over green to yellow: told apart by the colour-blind and on grey paper, since the lightness only grows.
/// The corners are those of the map "viridis" of S. van der Walt and N. Smith, 2015.
fn colour(share: f64) -> String {
    const CORNERS: [[f64; 3]; 5] =
        [[68.0, 1.0, 84.0], [59.0, 82.0, 139.0], [33.0, 145.0, 140.0], [94.0, 201.0, 98.0], [253.0, 231.0, 37.0]];
    let place = share.clamp(0.0, 1.0) * (CORNERS.len() - 1) as f64;
    let at = (place as usize).min(CORNERS.len() - 2);
    let part = place - at as f64;
    let mixed = |channel: usize| CORNERS[at][channel] + (CORNERS[at + 1][channel] - CORNERS[at][channel]) * part;
    format!("#{:02x}{:02x}{:02x}", mixed(0).round() as u8, mixed(1).round() as u8, mixed(2).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::super::{Figures, Ranked};
    use super::*;

    fn report() -> SweepReport {
        let axis = |name: &str, values: &[&str]| Axis {
            setting: format!("strategy.ema_cross.{name}"),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let one = |run, fast: &str, slow: &str, stop: &str, sharpe| Ranked {
            run,
            values: vec![fast.to_owned(), slow.to_owned(), stop.to_owned()],
            figures: Figures { sharpe, ..Figures::default() },
        };
        SweepReport {
            feed: "bars".to_owned(),
            metric: Metric::Sharpe,
            axes: vec![axis("fast", &["5", "10"]), axis("slow", &["30", "60"]), axis("stop<&", &["1%", "2%"])],
            runs: 8,
            refused: Default::default(),
            ranked: vec![
                one(0, "5", "30", "1%", Some(1.0)),
                one(1, "5", "30", "2%", Some(3.0)),
                one(2, "10", "30", "1%", Some(-1.0)),
                one(3, "5", "60", "1%", None),
            ],
            deflated: None,
            walk_forward: None,
        }
    }

    #[test]
    fn a_cell_is_the_median_over_what_else_varies() {
        let map = AxisMap::new(&report(), "strategy.ema_cross.fast", "slow").unwrap();
        assert_eq!(map.cells, [vec![Some(2.0), Some(-1.0)], vec![None, None]]);
        assert!(map.is_median);
        let text = svg(&map);
        assert_eq!(text.matches("<title>").count(), 4);
        assert_eq!(text.matches("#d8d8d8").count(), 2, "grey where no run has the figure");
        assert!(text.contains(&colour(1.0)) && text.contains(&colour(0.0)));
    }

    #[test]
    fn the_picture_is_whole_xml() {
        let text = svg(&AxisMap::new(&report(), "stop<&", "fast").unwrap());
        assert!(text.contains("stop&lt;&amp;") && !text.contains("stop<"), "names are escaped");
        let opened = text.matches("<rect").count() + text.matches("<text").count() + text.matches("<svg").count();
        let closed = text.matches("/>").count()
            + text.matches("</rect>").count()
            + text.matches("</text>").count()
            + text.matches("</svg>").count();
        assert_eq!(opened, closed);
    }

    #[test]
    fn axes_that_cannot_be_drawn_are_explained() {
        let says = |x: &str, y: &str| AxisMap::new(&report(), x, y).expect_err("no map");
        assert!(says("fast", "middle").contains("`middle` is not swept"));
        assert!(says("fast", "fast").contains("named twice"));
    }
}
