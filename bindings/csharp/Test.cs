// SPDX-License-Identifier: MIT
// Test.cs - the classes compute what the C library computes, and refuse what would break its rules:
//
//     mono test.exe HASHES FOLDER      tests/golden/hashes.txt, and a folder for files
using System;
using System.IO;
using System.Linq;
using Vae;

static class Test
{
    // the model `dense` of tests/golden/golden.c
    const string Dense = "input 12x12x1\nencoder flatten | linear out=33 | leaky_relu slope=0.3 | linear out=20 | tanh\nlatent gaussian dim=7\n" +
                         "decoder linear out=31 | elu | linear out=144 | reshape 12x12x1\nlikelihood bernoulli\n";
    static int passed, failed;

    /// golden.c's numbers: equal ones on every machine, in 0..1
    static float[] Numbers(int n)
    {
        var x = new float[n];
        ulong s = 1;
        for (int i = 0; i < n; i++)
        {
            s = unchecked(s * 6364136223846793005UL + 1442695040888963407UL);
            x[i] = (s >> 40) / 16777216.0f;
        }
        return x;
    }

    /// FNV-1a of the bytes, as golden.c's
    static string Hash(params float[][] arrays)
    {
        ulong h = 0xcbf29ce484222325UL;
        foreach (var x in arrays)
        {
            var bytes = new byte[x.Length * 4];
            Buffer.BlockCopy(x, 0, bytes, 0, bytes.Length);
            foreach (var b in bytes) h = unchecked((h ^ b) * 0x100000001b3UL);
        }
        return h.ToString("x16");
    }

    static void Same(string what, object got, object wanted)
    {
        if (Equals(got, wanted)) passed++;
        else
        {
            failed++;
            Console.WriteLine("not ok  " + what + ": got " + got + ", wanted " + wanted);
        }
    }

    static void Refuses(string what, Status status, string words, Action call)
    {
        try
        {
            call();
            Same(what, "no exception", status);
        }
        catch (VaeException e)
        {
            Same(what, e.Status, status);
            Same(what + ", the sentence", e.Message.Contains(words) ? words : e.Message, words);
        }
    }

    static int Main(string[] arguments)
    {
        var line = File.ReadLines(arguments[0]).First(l => l.Contains(" dense ")).Split(' ').ToList();
        Func<string, string> golden = what => line[line.IndexOf(what) + 1];
        string file = Path.Combine(arguments[1], "csharp.safetensors"), checkpoint = Path.Combine(arguments[1], "csharp-\u00e9.safetensors");
        float[] x = Numbers(4 * 144), z = Numbers(7);
        Same("the version", Library.Version.Split('.').Length, 3);

        var model = Model.Create(Dense, 1);
        var session = model.Session(3);
        var posterior = session.Encode(x);
        Same("Encode", Hash(posterior.Mean, posterior.Logvar), golden("encode"));
        Same("Decode", Hash(session.Decode(posterior.Mean)), golden("decode"));
        Same("Sample", Hash(session.Sample(4)), golden("sample"));
        var pixels = new byte[12 * 12 * 4];
        session.DecodeRgba8(z, pixels);
        Same("a pixel is the decoded value", pixels[13 * 4], (byte)Math.Floor(session.Decode(z)[13] * 255 + 0.5f));
        Same("and opaque", pixels[13 * 4 + 3], (byte)255);
        Same("a score for each example", session.Elbo(x).Elbo.Count(bound => bound < 0), 4);
        Same("as many values as the examples", session.Reconstruct(x).Length, x.Length);

        model.Save(file);
        var loaded = Model.Load(file);
        Same("a loaded model has the text", loaded.Spec(), model.Spec());
        Same("and decodes the same", Hash(loaded.Session(1).Decode(posterior.Mean)), golden("decode"));
        Same("from memory, too", Hash(Model.Load(File.ReadAllBytes(file)).Session(1).Decode(posterior.Mean)), golden("decode"));

        var trainer = model.Trainer("optimizer adam lr=0.01", 4);
        double first = trainer.Step(x).Loss;
        for (int i = 0; i < 20; i++) trainer.Step(x);
        trainer.Save(checkpoint);
        var other = Model.Create(Dense, 2).Trainer("optimizer adam lr=0.01", 4);
        other.Load(checkpoint);
        Same("a path is UTF-8", File.Exists(checkpoint), true);
        Metrics last = trainer.Step(x), again = other.Step(x);
        Same("the loss falls", last.Loss < first, true);
        Same("a checkpoint continues", again.Loss, last.Loss);
        Same("and counts on", again.Step, 22L);
        Same("the last member of the metrics is in its place", last.LatentRate[0] == last.Rate && last.CriticAccuracy == 0, true);

        Refuses("a wrong text", Status.Spec, "linear", () => Model.Create("input 8\nencoder liner out=2\n"));
        Refuses("a missing file", Status.Io, "missing", () => Model.Load(file + ".missing"));
        Refuses("a part of an example", Status.Arg, "has 100 values, wanted a multiple of 144", () => trainer.Step(new float[100]));
        Refuses("null", Status.Arg, "is null", () => session.Decode(null));
        Refuses("too few pixels", Status.Arg, "fewer than 576 bytes", () => session.DecodeRgba8(z, new byte[575]));
        var bad = Numbers(144);
        bad[5] = float.NaN;
        Refuses("NaN", Status.Numeric, "x[0][5]", () => session.Encode(bad));
        session.Cancel();
        Refuses("a cancelled call", Status.Cancelled, "", () => session.Encode(x));
        Refuses("a second trainer", Status.State, "has a trainer", () => model.Trainer(null, 4));
        trainer.Dispose();
        trainer.Dispose(); // twice is once
        model.Trainer(null, 4).Dispose();
        try
        {
            trainer.Step(x);
            Same("a disposed trainer", "no exception", "ObjectDisposedException");
        }
        catch (ObjectDisposedException) { passed++; }

        Console.WriteLine(passed + " passed, " + failed + " failed");
        return failed == 0 ? 0 : 1;
    }
}
