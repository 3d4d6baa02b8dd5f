// SPDX-License-Identifier: MIT
// Example.cs - trains on pictures of crosses that it draws itself, and prints one that lies halfway between two of them.
//
//     mcs Vae.cs Example.cs -out:example.exe && mono example.exe
using System;
using Vae;

static class Example
{
    const int Side = 12;
    const string Spec = "input 12x12x1\nencoder flatten | linear out=64 | relu\nlatent gaussian dim=6\n" +
                        "decoder linear out=64 | relu | linear out=144 | reshape 12x12x1\nlikelihood bernoulli\n";

    static void Main()
    {
        var pictures = new float[64 * Side * Side];
        for (int i = 0; i < pictures.Length; i++)
        {
            int picture = i / (Side * Side), row = i / Side % Side, column = i % Side;
            pictures[i] = row == 2 + picture % 8 || column == 2 + picture / 8 ? 1 : 0;
        }
        using (var model = Model.Create(Spec, 1))
        {
            using (var trainer = model.Trainer("optimizer adam lr=0.01", 64))
                for (int step = 1; step <= 300; step++)
                {
                    var metrics = trainer.Step(pictures);
                    if (step % 100 == 0) Console.WriteLine("step " + step + ": loss " + metrics.Loss.ToString("F2") + " nats");
                }
            using (var session = model.Session())
            {
                var means = session.Encode(pictures).Mean; // six numbers for each picture
                var z = new float[model.LatentSize];
                for (int i = 0; i < z.Length; i++) z[i] = (means[9 * z.Length + i] + means[27 * z.Length + i]) / 2;
                var pixels = new byte[Side * Side * 4];
                session.DecodeRgba8(z, pixels);
                for (int row = 0; row < Side; row++)
                {
                    for (int column = 0; column < Side; column++) Console.Write(pixels[(row * Side + column) * 4] > 127 ? '#' : '.');
                    Console.WriteLine();
                }
            }
        }
    }
}
