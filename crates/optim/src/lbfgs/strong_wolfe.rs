//! A line search for a step length that fulfils the strong Wolfe conditions: the loss has fallen enough and its slope
//! has flattened enough. After `lswolfe` of the Lua Torch, as PyTorch's; Nocedal & Wright, Numerical Optimization,
//! algorithms 3.5 and 3.6.

use flambeau_tensor::Tensor;

const C1: f64 = 1e-4;
const C2: f64 = 0.9;

/// The loss along the direction of search.
#[derive(Clone)]
pub(super) struct Point {
    /// How far along the direction.
    pub(super) t: f64,
    pub(super) loss: f64,
    pub(super) grad: Tensor,
    /// The derivative with respect to t.
    pub(super) slope: f64,
}

/// Searches from `start` (t = 0) on, at first at `t`, and gives the point found and the number of evaluations.
/// `longest` is the largest element of the direction, and `round` rounds to the parameters' dtype.
pub(super) fn strong_wolfe(
    evaluate: &mut dyn FnMut(f64) -> Point,
    start: &Point,
    mut t: f64,
    longest: f64,
    tolerance_change: f64,
    max_evaluations: usize,
    round: impl Fn(f64) -> f64,
) -> (Point, usize) {
    let too_high = |p: &Point| p.loss > round(start.loss + C1 * p.t * start.slope);
    let flat = |p: &Point| p.slope.abs() <= -C2 * start.slope;
    let mut new = evaluate(t);
    let mut evaluations = 1;
    // Find an interval that holds such a point.
    let mut previous = start.clone();
    let mut searched = 0;
    let mut bracket = loop {
        if searched >= max_evaluations {
            break [start.clone(), new];
        }
        if too_high(&new) || (searched > 1 && new.loss >= previous.loss) {
            break [previous, new];
        }
        if flat(&new) {
            return (new, evaluations);
        }
        if new.slope >= 0.0 {
            break [previous, new];
        }
        let bounds = (t + 0.01 * (t - previous.t), t * 10.0);
        t = round(cubic_interpolate(&previous, &new, bounds));
        previous = std::mem::replace(&mut new, evaluate(t));
        evaluations += 1;
        searched += 1;
    };
    // Shrink it.
    let order = |bracket: &[Point; 2]| if bracket[0].loss <= bracket[1].loss { (0, 1) } else { (1, 0) };
    let (mut low, mut high) = order(&bracket);
    let mut stalled = false;
    while searched < max_evaluations {
        let (least, most) = (bracket[0].t.min(bracket[1].t), bracket[0].t.max(bracket[1].t));
        if (most - least) * longest < tolerance_change {
            break;
        }
        t = round(cubic_interpolate(&bracket[0], &bracket[1], (least, most)));
        // Near an end for the second time, or on it: move a tenth of the interval inwards.
        let margin = 0.1 * (most - least);
        if (most - t).min(t - least) < margin {
            if stalled || t >= most || t <= least {
                t = if (t - most).abs() < (t - least).abs() { most - margin } else { least + margin };
                stalled = false;
            } else {
                stalled = true;
            }
        } else {
            stalled = false;
        }
        let new = evaluate(t);
        evaluations += 1;
        searched += 1;
        if too_high(&new) || new.loss >= bracket[low].loss {
            bracket[high] = new;
            (low, high) = order(&bracket);
        } else {
            let done = flat(&new);
            if !done && new.slope * (bracket[high].t - bracket[low].t) >= 0.0 {
                bracket[high] = bracket[low].clone();
            }
            bracket[low] = new;
            if done {
                break;
            }
        }
    }
    let [a, b] = bracket;
    (if low == 0 { a } else { b }, evaluations)
}

/// The minimum, within bounds, of the cubic through two points with these slopes.
fn cubic_interpolate(a: &Point, b: &Point, (low, high): (f64, f64)) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return (low + high) / 2.0;
    }
    let d2 = square.sqrt();
    let t = if a.t <= b.t {
        b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
    } else {
        a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2.0 * d2))
    };
    let t = if low > t { low } else { t };
    if high < t { high } else { t }
}
