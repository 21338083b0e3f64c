//! Toy sets.

use flambeau_data::*;

#[test]
fn the_seed_decides() {
    let sets = |seed| {
        [
            two_moons(31, 0.1, seed),
            spirals(31, 3, 0.1, seed),
            blobs(31, 4, 1.0, seed),
            noisy_polynomial(31, &[1.0, 2.0], 0.1, seed),
            house_prices(31, seed),
        ]
        .map(|data| (data.inputs().to_vec::<f32>(), data.len()))
    };
    let (a, again, b) = (sets(1), sets(1), sets(2));
    assert!(a == again);
    for ((x, n), (y, _)) in a.iter().zip(&b) {
        assert!(*n == 31 && x != y && x.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn without_noise_points_lie_on_their_curves() {
    let moons = two_moons(5, 0.0, 0);
    let x = moons.inputs().to_vec::<f32>();
    let expected = [1.0, 0.0, -1.0, 0.0, 0.0, 0.5, 1.0, -0.5, 2.0, 0.5];
    assert!(x.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{x:?}");
    assert_eq!(moons.targets().to_vec::<i64>(), [0, 0, 1, 1, 1]);

    let arms = spirals(9, 3, 0.0, 0).inputs().to_vec::<f32>();
    let radius = |i: usize| arms[2 * i].hypot(arms[2 * i + 1]);
    assert!(radius(0) < 1e-6 && (radius(4) - 0.5).abs() < 1e-6 && (radius(8) - 1.0).abs() < 1e-6);

    let clouds = blobs(8, 2, 0.0, 5);
    let (x, y) = (clouds.inputs().to_vec::<f32>(), clouds.targets().to_vec::<i64>());
    assert!(x[..2] == x[4..6] && x[..2] != x[2..4] && y[..4] == [0, 1, 0, 1]);
}

#[test]
fn sizes_at_the_edge() {
    for n in 0..4 {
        for data in [two_moons(n, 0.1, 0), spirals(n, 2, 0.1, 0), blobs(n, 3, 1.0, 0), house_prices(n, 0)] {
            assert_eq!(data.len(), n);
            assert!(data.inputs().to_vec::<f32>().iter().all(|v| v.is_finite()));
        }
        assert_eq!(noisy_polynomial(n, &[], 0.0, 0).targets().to_vec::<f32>(), vec![0.0; n]);
    }
    assert!(flambeau_tensor::try_call(|| blobs(3, 0, 1.0, 0)).is_err());
    assert!(flambeau_tensor::try_call(|| spirals(3, 0, 1.0, 0)).is_err());
}

#[test]
fn house_prices_bend_with_the_area() {
    let data = house_prices(4000, 3);
    let (x, y) = (data.inputs().to_vec::<f32>(), data.targets().to_vec::<f32>());
    let mean = |low: f32, high: f32| {
        let inside = x.chunks(4).zip(&y).filter(|(x, _)| (low..high).contains(&x[0]));
        let (sum, n) = inside.fold((0.0, 0.0), |(sum, n), (_, y)| (sum + y, n + 1.0));
        sum / n
    };
    let (small, middle, large) = (mean(30.0, 60.0), mean(110.0, 140.0), mean(200.0, 230.0));
    assert!(large - middle > 1.5 * (middle - small) && middle > small, "{small} {middle} {large}");
}
