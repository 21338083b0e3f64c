//! `flambeau train`.

use flambeau::Result;
use flambeau::data::{DataLoader, Dataset, Subset};
use flambeau::prelude::*;
use std::f64::consts::PI;
use std::fmt::Arguments;
use std::time::Instant;

use crate::args::TrainArgs;
use crate::config::{Config, ModelConfig};
use crate::console::{complain, say};
use crate::datasets::{self, Splits};
use crate::history::{Epoch, History, Score, TABLE_HEAD};
use crate::interrupt::Interrupt;
use crate::network::Net;
use crate::progress::Progress;
use crate::run_folder::{Outcome, RunFolder, Status};

const HIDDEN: [usize; 2] = [200, 200];
/// Images a batch where nothing is learnt: large enough to be fast, small enough to stay in the caches.
const EVAL_BATCH: usize = 500;

/// Trains, evaluates and writes the run folder; tells how it ended.
pub(crate) fn run(args: TrainArgs) -> Result<Status> {
    if let Some(threads) = args.threads {
        set_num_threads(threads);
    }
    let data_dir = args.dataset.folder(args.data_dir)?;
    let seed = args.seed.unwrap_or(0);
    let splits = datasets::load_for_training(&args.dataset, data_dir.as_deref(), seed)?;
    let (mean, std) = pixel_moments(&splits.train)?;
    let config = Config {
        flambeau: env!("CARGO_PKG_VERSION").to_owned(),
        epochs: args.epochs.unwrap_or_else(|| args.dataset.default_epochs()),
        dataset: args.dataset,
        data_dir,
        batch_size: args.batch_size,
        lr: args.lr,
        momentum: args.momentum,
        weight_decay: args.weight_decay,
        seed,
        threads: args.threads,
        model: ModelConfig {
            input: splits.input,
            hidden: HIDDEN,
            mean,
            std,
            classes: splits.classes.clone(),
        },
    };
    // What can fail comes before the folder, so that a failure leaves none.
    let interrupt = Interrupt::listen()?;
    let folder = RunFolder::create(args.out, &config)?;
    Training::new(config, folder, interrupt).run(splits)
}

/// Mean and standard deviation over all pixels of the training images: the others must not be looked at for this.
fn pixel_moments(train: &Subset) -> Result<(f64, f64)> {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (x, _) in &DataLoader::new(train.clone(), EVAL_BATCH)? {
        count += x.shape().iter().product::<usize>() as f64;
        sum += f64::from(x.sum().item::<f32>());
        squares += f64::from((&x * &x).sum().item::<f32>());
    }
    let mean = sum / count;
    let std = (squares / count - mean * mean).max(0.0).sqrt();
    // Pictures without any contrast: nothing to learn, but nothing to divide by 0 either.
    Ok((mean, if std > 1e-6 { std } else { 1.0 }))
}

/// A training under way.
struct Training {
    config: Config,
    folder: RunFolder,
    model: Net,
    loss_fn: CrossEntropyLoss,
    history: History,
    interrupt: Interrupt,
    started: Instant,
}

/// How an epoch's batches ended.
enum Pass {
    Complete(Score),
    /// Ctrl-C; the score of the batches seen, if any.
    Interrupted(Option<Score>),
    /// The loss of a batch, counted from 1, is not finite.
    Diverged {
        batch: usize,
        loss: f64,
    },
}

impl Training {
    fn new(config: Config, folder: RunFolder, interrupt: Interrupt) -> Self {
        manual_seed(config.seed);
        let model = Net::new(&config.model);
        Self {
            config,
            folder,
            model,
            loss_fn: CrossEntropyLoss::default(),
            history: History::default(),
            interrupt,
            started: Instant::now(),
        }
    }

    fn run(mut self, splits: Splits) -> Result<Status> {
        let Splits { train, val, test, input: [channels, height, width], .. } = splits;
        say(format_args!(
            "{}: {} training, {} validation and {} test images of {height}×{width}\n",
            self.config.dataset.name(),
            train.len(),
            val.len(),
            test.len(),
        ));
        say(self.model.repr());
        say(summary(&self.model, &[1, channels, height, width]));

        let status = self.fit(train, val)?;
        let test = match status {
            // The only place where the test images are looked at.
            Status::Finished => {
                self.model.load(self.folder.weights())?;
                Some(self.evaluate(&DataLoader::new(test.open(), EVAL_BATCH)?))
            }
            Status::Interrupted | Status::Diverged => None,
        };
        self.report(status, test)?;
        Ok(status)
    }

    /// All epochs; the best weights are in the run folder afterwards.
    fn fit(&mut self, train: Subset, val: Subset) -> Result<Status> {
        let Config { epochs, batch_size, lr, momentum, weight_decay, seed, .. } = self.config;
        let progress = Progress::new(epochs, train.len());
        let train_loader = DataLoader::new(train, batch_size)?.shuffle(true).seed(seed);
        let val_loader = DataLoader::new(val, EVAL_BATCH)?;
        let mut optimizer =
            SGD::new(self.model.parameters(), lr).momentum(momentum).weight_decay(weight_decay);

        say(TABLE_HEAD);
        for epoch in 1..=epochs {
            let start = Instant::now();
            progress.begin_epoch(epoch);
            let (score, complete) = match self.pass(epoch, &train_loader, &mut optimizer, &progress) {
                Pass::Complete(score) => (score, true),
                Pass::Interrupted(Some(score)) => (score, false),
                Pass::Interrupted(None) => return Ok(Status::Interrupted),
                Pass::Diverged { batch, loss } => {
                    drop(progress);
                    return Ok(self.diverged(loss, format_args!("in epoch {epoch}, batch {batch}")));
                }
            };
            let val = self.evaluate(&val_loader);
            // The last step of an epoch shows its harm only here.
            if !val.loss.is_finite() {
                drop(progress);
                return Ok(self.diverged(val.loss, format_args!("in the validation after epoch {epoch}")));
            }
            let row = Epoch { epoch, train: score, val, seconds: start.elapsed().as_secs_f64(), complete };
            let best = self.history.push(row);
            if best {
                self.model.save(self.folder.weights())?;
            }
            self.folder.log(&row)?;
            progress.say(&row.row(best));
            if !complete || (self.interrupt.requested() && epoch < epochs) {
                return Ok(Status::Interrupted);
            }
        }
        Ok(Status::Finished)
    }

    fn diverged(&self, loss: f64, place: Arguments<'_>) -> Status {
        let lr = self.config.lr;
        complain(format_args!(
            "--lr: the training diverged: the loss is {loss} {place}; try a learning rate below {lr:?}, such as {:?}",
            (lr / 10.0).min(0.02)
        ));
        Status::Diverged
    }

    /// One pass over the training images.
    fn pass(&self, epoch: usize, loader: &DataLoader, optimizer: &mut SGD, progress: &Progress) -> Pass {
        self.model.train();
        let mut tally = Tally::default();
        let first_step = (epoch - 1) * loader.len();
        for (i, (x, y)) in loader.into_iter().enumerate() {
            if self.interrupt.requested() {
                return Pass::Interrupted((i > 0).then(|| tally.score()));
            }
            let logits = self.model.call(&x);
            let loss = self.loss_fn.call(&logits, &y);
            let value = loss.item::<f32>();
            if !value.is_finite() {
                return Pass::Diverged { batch: i + 1, loss: value.into() };
            }
            optimizer.set_lr(self.learning_rate(first_step + i, loader.len()));
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            tally.add(value, &logits, &y);
            progress.step(y.shape()[0], tally.score().loss);
        }
        Pass::Complete(tally.score())
    }

    /// Falls from the given rate to 0 along half a cosine: large steps first, and a quiet end.
    /// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, equation 5.
    fn learning_rate(&self, step: usize, steps_per_epoch: usize) -> f64 {
        let done = step as f64 / (self.config.epochs as f64 * steps_per_epoch as f64);
        self.config.lr * 0.5 * (1.0 + (PI * done).cos())
    }

    fn evaluate(&self, loader: &DataLoader) -> Score {
        self.model.eval();
        let mut tally = Tally::default();
        no_grad(|| {
            for (x, y) in loader {
                let logits = self.model.call(&x);
                tally.add(self.loss_fn.call(&logits, &y).item::<f32>(), &logits, &y);
            }
        });
        tally.score()
    }

    /// The last lines, and the files that need the whole training.
    fn report(&self, status: Status, test: Option<Score>) -> Result<()> {
        let best = self.history.best().copied();
        let seconds = self.started.elapsed().as_secs_f64();
        self.folder.close(
            &self.history,
            &Outcome { status, test, best, epochs: self.history.epochs().len(), seconds },
        )?;
        say("");
        if status == Status::Interrupted {
            say("interrupted: the test set was not opened");
        }
        if let Some(best) = best {
            say(format_args!(
                "best validation accuracy: {:.2} % in epoch {}",
                100.0 * best.val.accuracy,
                best.epoch
            ));
        }
        if let Some(test) = test {
            say(format_args!("test accuracy: {:.2} % (loss {:.4})", 100.0 * test.accuracy, test.loss));
        }
        say(format_args!("{seconds:.1} s; everything is in {}", self.folder.path().display()));
        if best.is_some() {
            say(format_args!("try it: flambeau predict {} IMAGE.png", self.folder.path().display()));
        }
        Ok(())
    }
}

/// Sums over batches, so that a small last batch counts by its images.
#[derive(Debug, Default)]
struct Tally {
    loss: f64,
    right: f64,
    images: f64,
}

impl Tally {
    /// Adds a batch by its mean loss.
    fn add(&mut self, loss: f32, logits: &Tensor, y: &Tensor) {
        let images = y.shape()[0] as f64;
        let right = logits.argmax(1, false).eq(y).sum().item::<i64>();
        self.loss += f64::from(loss) * images;
        self.right += right as f64;
        self.images += images;
    }

    fn score(&self) -> Score {
        Score { loss: self.loss / self.images, accuracy: self.right / self.images }
    }
}
