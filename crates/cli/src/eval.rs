//! `flambeau eval`.

use flambeau::prelude::*;
use flambeau::{Error, Result};

use crate::args::{EvalArgs, EvalSplit};
use crate::console::say;
use crate::cv::FOLDS;
use crate::{table, trained};

/// Measures the best weights of a run on its validation or test data.
pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    if let Some(threads) = args.threads {
        set_num_threads(threads);
    }
    if args.split == EvalSplit::Val && args.run.join(FOLDS).is_file() {
        let message =
            "is a cross-validation's: its network has learnt from all but the test items; see its cv.json";
        return Err(Error::file(&args.run, message));
    }
    let (mut config, model) = trained::open(&args.run)?;
    let splits = config.load()?;
    config.measure(&splits)?;
    let mut trainer = config.trainer(&model, &config.train_loader(splits.train)?)?;
    let (name, data, caveat) = match args.split {
        EvalSplit::Val => ("validation", splits.val, None),
        EvalSplit::Test => {
            let test = RunFolder::open(&args.run)?.open_test_set(splits.test, args.again)?;
            let caveat = test.caveat();
            ("test", test.data, caveat)
        }
    };
    let items = data.len();
    let values = trainer.evaluate(&config.eval_loader(data)?)?;
    say(format_args!("{items} {name} items of {}", config.data.name));
    for (name, value) in &values {
        say(format_args!("{name}: {}", table::value(name, *value)));
    }
    if let Some(caveat) = caveat {
        say(format_args!("but {caveat}"));
    }
    Ok(())
}
