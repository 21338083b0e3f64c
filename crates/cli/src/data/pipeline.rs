//! Transforms as they are written on the command line.

use flambeau::data::raise;
use flambeau::data::transforms::*;
use flambeau::{Error, Result};

/// A transform: its name, and numbers.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    kind: &'static Kind,
    numbers: Vec<f64>,
}

/// What a transform takes.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// How many numbers it needs.
    least: usize,
    /// Those that may follow, and what they are if they do not.
    defaults: &'static [f64],
    make: fn(&[f64]) -> Box<dyn Transform>,
}

const fn kind(
    name: &'static str,
    least: usize,
    defaults: &'static [f64],
    make: fn(&[f64]) -> Box<dyn Transform>,
) -> Kind {
    Kind { name, least, defaults, make }
}

const KINDS: &[Kind] = &[
    kind("affine", 1, &[0.0], |n| Box::new(RandomAffine::new(n[0]).translate(n[1], n[1]))),
    kind("blur", 1, &[1.0], |n| Box::new(GaussianBlur::new(whole(n[0])).sigma(n[1]))),
    kind("center-crop", 1, &[], |n| Box::new(CenterCrop::new(whole(n[0])))),
    kind("crop", 1, &[0.0], |n| Box::new(RandomCrop::new(whole(n[0])).padding(whole(n[1])))),
    kind("erasing", 0, &[0.5], |n| Box::new(RandomErasing::new(n[0]))),
    kind("grayscale", 0, &[], |_| Box::new(Grayscale::default())),
    kind("hflip", 0, &[0.5], |n| Box::new(RandomHorizontalFlip::new(n[0]))),
    kind("jitter", 1, &[0.0, 0.0, 0.0], |n| {
        Box::new(ColorJitter::new().brightness(n[0]).contrast(n[1]).saturation(n[2]).hue(n[3]))
    }),
    kind("pad", 1, &[], |n| Box::new(Pad::new(whole(n[0])))),
    kind("resize", 1, &[], |n| Box::new(Resize::new(whole(n[0])))),
    kind("resized-crop", 1, &[0.08], |n| Box::new(RandomResizedCrop::new(whole(n[0])).scale((n[1], 1.0)))),
    kind("rotation", 1, &[], |n| Box::new(RandomRotation::new(n[0]))),
    kind("vflip", 0, &[0.5], |n| Box::new(RandomVerticalFlip::new(n[0]))),
];

/// A number of pixels.
fn whole(number: f64) -> usize {
    if number < 0.0 || number.fract() != 0.0 {
        raise(Error::config("--transform", format!("{number} is no whole number of pixels")));
    }
    number as usize
}

/// Parses NAME or NAME=NUMBER,….
pub(crate) fn step(text: &str) -> Result<Step, String> {
    let (name, numbers) = text.split_once('=').unwrap_or((text, ""));
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(format!("no transform is called {name:?}; there are {}", names.join(", ")));
    };
    let numbers = numbers.split(',').filter(|_| !numbers.is_empty()).map(|number| {
        let parsed = number.trim().parse().ok().filter(|n: &f64| n.is_finite());
        parsed.ok_or_else(|| format!("{number:?} is no number"))
    });
    let mut numbers = numbers.collect::<Result<Vec<f64>, String>>()?;
    let most = kind.least + kind.defaults.len();
    if numbers.len() < kind.least || numbers.len() > most {
        let need = if kind.least == most { format!("{most}") } else { format!("{} to {most}", kind.least) };
        return Err(format!(
            "{name} takes {need} numbers, not {}, such as {name}=8; see --help",
            numbers.len()
        ));
    }
    numbers.extend(kind.defaults.iter().skip(numbers.len() - kind.least));
    Ok(Step { kind, numbers })
}

/// The transforms one after another.
///
/// # Errors
/// If one refuses its numbers.
pub(super) fn compose(steps: &[Step]) -> Result<Compose> {
    flambeau::try_call(|| {
        let steps = steps.iter().map(|step| (step.kind.make)(&step.numbers));
        Compose::new(steps.collect::<Vec<_>>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_left_out_have_defaults() {
        assert_eq!(step("crop=28").unwrap().numbers, [28.0, 0.0]);
        assert_eq!(step("jitter=0.1,0.2").unwrap().numbers, [0.1, 0.2, 0.0, 0.0]);
        assert_eq!(step("hflip").unwrap().numbers, [0.5]);
        assert_eq!(step("grayscale").unwrap().numbers, [0.0; 0]);
        assert!(compose(&[step("rotation=5").unwrap(), step("vflip=1").unwrap()]).is_ok());
    }

    #[test]
    fn complaints_say_what_there_is() {
        for (text, part) in [
            ("spin=3", "rotation"),
            ("crop", "1 to 2 numbers, not 0"),
            ("crop=1,2,3", "not 3"),
            ("rotation=x", "\"x\" is no number"),
            ("rotation=inf", "no number"),
        ] {
            let message = step(text).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        for (text, part) in
            [("hflip=2", "p 2"), ("crop=2.5", "2.5 is no whole"), ("pad=-1", "-1 is no whole")]
        {
            let message = compose(&[step(text).unwrap()]).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
