//! A column of a table.

/// A name and as many values as the table has rows.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) values: Values,
    /// Which cells hold nothing; empty if all hold something.
    pub(super) nulls: Vec<bool>,
}

#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "CSV has only text"))]
#[derive(Clone, Debug)]
pub(super) enum Values {
    Text(Texts),
    Int(Vec<i64>),
    Float(Vec<f64>),
    /// Of a type that is not read: which.
    Unread(String),
}

impl Column {
    pub(super) fn null(&self, row: usize) -> bool {
        self.nulls.get(row).copied().unwrap_or(false)
    }

    /// A cell as text, if it holds something.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        if self.null(row) {
            return None;
        }
        Some(match &self.values {
            Values::Text(texts) => texts.get(row).to_owned(),
            Values::Int(values) => values[row].to_string(),
            Values::Float(values) => values[row].to_string(),
            Values::Unread(_) => return None,
        })
    }

    /// Some of its rows.
    pub(super) fn take(&self, rows: &[usize]) -> Self {
        let values = match &self.values {
            Values::Text(texts) => {
                let mut taken = Texts::default();
                rows.iter().for_each(|&row| taken.push(texts.get(row)));
                Values::Text(taken)
            }
            Values::Int(values) => Values::Int(rows.iter().map(|&row| values[row]).collect()),
            Values::Float(values) => Values::Float(rows.iter().map(|&row| values[row]).collect()),
            Values::Unread(data_type) => Values::Unread(data_type.clone()),
        };
        let nulls =
            if self.nulls.is_empty() { Vec::new() } else { rows.iter().map(|&row| self.null(row)).collect() };
        Self { name: self.name.clone(), values, nulls }
    }
}

/// Many texts in one piece of memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    pub(super) fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }
}
