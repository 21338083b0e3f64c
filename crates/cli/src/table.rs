//! Measured values as text: the table of epochs, and the lines at the end.

/// Those that are shares of one.
const SHARES: [&str; 5] = ["accuracy", "top_5_accuracy", "precision", "recall", "f1"];
const LEAST_WIDTH: usize = 9;

/// The last part of a name such as `val/accuracy`.
fn measure(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether a value is a share, to be shown in percent.
pub(crate) fn is_share(name: &str) -> bool {
    SHARES.contains(&measure(name))
}

/// A value as people read it.
pub(crate) fn value(name: &str, value: f64) -> String {
    match value {
        _ if is_share(name) => format!("{:.2} %", 100.0 * value),
        _ if value.abs() >= 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.4}"),
    }
}

/// The head of the table of epochs.
pub(crate) fn head(values: &[(String, f64)]) -> String {
    let column = |(name, _): &(String, f64)| format!("  {:>LEAST_WIDTH$}", name.replace('/', " "));
    format!("epoch{}  seconds", values.iter().map(column).collect::<String>())
}

/// An epoch under [`head`]; `*` marks a new best.
pub(crate) fn row(epoch: u64, values: &[(String, f64)], seconds: f64, best: bool) -> String {
    let column = |(name, of): &(String, f64)| {
        let width = name.len().max(LEAST_WIDTH);
        format!("  {:>width$}", value(name, *of))
    };
    let columns: String = values.iter().map(column).collect();
    format!("{epoch:>5}{columns}  {seconds:>7.3}{}", if best { " *" } else { "" })
}

/// `accuracy: 97.50 % (loss 0.0930)`: what counts first, and then the rest.
pub(crate) fn line(values: &[(String, f64)], monitored: &str) -> String {
    let first = values.iter().position(|(name, _)| name == measure(monitored)).unwrap_or(0);
    let Some((name, of)) = values.get(first) else { return String::new() };
    let rest = values.iter().enumerate().filter(|(i, _)| *i != first);
    let rest: Vec<String> = rest.map(|(_, (name, of))| format!("{name} {}", value(name, *of))).collect();
    let rest = if rest.is_empty() { String::new() } else { format!(" ({})", rest.join(", ")) };
    format!("{name}: {}{rest}", value(name, *of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_align_with_the_head() {
        let values = [("train/loss", 0.5), ("val/loss", 12345.6), ("val/accuracy", 1.0)];
        let values = values.map(|(name, of)| (name.to_owned(), of));
        assert_eq!(row(3, &values, 0.1, false).len(), head(&values).len());
        assert_eq!(head(&values[..1]), "epoch  train loss  seconds");
    }

    #[test]
    fn what_counts_comes_first() {
        let values = [("loss".to_owned(), 0.093), ("accuracy".to_owned(), 0.975)];
        assert_eq!(line(&values, "val/accuracy"), "accuracy: 97.50 % (loss 0.0930)");
        assert_eq!(line(&values[..1], "val/loss"), "loss: 0.0930");
    }
}
