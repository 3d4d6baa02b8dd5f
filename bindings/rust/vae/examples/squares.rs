// SPDX-License-Identifier: MIT
// squares.rs - trains on pictures of squares that it draws itself, and prints a row of pictures between two of them.
//
//     cargo run --release --example squares

use vae::{Error, Model};

const SIDE: usize = 12;
const SPEC: &str = "input 12x12x1\nencoder flatten | linear out=64 | relu\nlatent gaussian dim=4\n\
                    decoder linear out=64 | relu | linear out=144 | reshape 12x12x1\nlikelihood bernoulli\n";

/// A square of 2 to 5 pixels a side, at a place that `i` chooses.
fn square(i: usize) -> Vec<f32> {
    let (side, top, left) = (2 + i % 4, i / 4 % 7, i / 28 % 7);
    let inside = |p: usize| (top..top + side).contains(&(p / SIDE)) && (left..left + side).contains(&(p % SIDE));
    (0..SIDE * SIDE).map(|p| if inside(p) { 1.0 } else { 0.0 }).collect()
}

fn main() -> Result<(), Error> {
    let mut model = Model::new(SPEC, 1)?;
    let pictures: Vec<f32> = (0..196).flat_map(square).collect();
    let mut trainer = model.trainer("optimizer adam lr=0.003", 196)?;
    for step in 1..=300 {
        let metrics = trainer.step(&pictures)?;
        if step % 100 == 0 {
            println!("step {step}: loss {:.2} nats, of which rate {:.2}", metrics.loss, metrics.rate);
        }
    }
    drop(trainer); // from here on the model may be read again

    let mut session = model.session(5)?;
    let ends = session.encode(&[square(3), square(195)].concat())?.mean;
    let (a, b) = ends.split_at(model.latent_size());
    let between = |t: f32| a.iter().zip(b).map(move |(a, b)| a + t * (b - a));
    let z: Vec<f32> = (0..5).flat_map(|i| between(i as f32 / 4.0)).collect();
    let x = session.decode(&z)?;
    for row in 0..SIDE {
        let line: Vec<String> = (0..5)
            .map(|picture| {
                let first = (picture * SIDE + row) * SIDE;
                x[first..first + SIDE].iter().map(|&value| if value > 0.5 { '#' } else { '.' }).collect()
            })
            .collect();
        println!("{}", line.join("  "));
    }
    Ok(())
}
