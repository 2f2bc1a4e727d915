using System.Diagnostics;
using System.Globalization;

namespace Backprop.Ranks;

/// <summary>How long a training step takes: a network such as <c>784-512-512-10</c>, batch 512, Adam; the least of many.</summary>
public static class Steps
{
    private const int Batch = 512;

    public static int Run(MpiRanks ranks, Options options)
    {
        var sizes = options.Subject.Split('-').Select(size => int.Parse(size, CultureInfo.InvariantCulture)).ToArray();
        var (generator, model) = (new Generator(1), new Sequential<double>());
        for (var i = 1; i < sizes.Length; i++)
        {
            if (i > 1) model.Add(new ReLU<double>());
            model.Add(new Linear<double>(sizes[i - 1], sizes[i], generator: generator));
        }

        var (x, y) = Trainings.Data<double>(Batch, sizes[0], sizes[^1], seed: 1);
        var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters, 1e-4), new Batches<double>(x, y, Batch))
        {
            Shards = options.Shards,
            Exchange = options.Plain ? ranks.Plain : ranks,
        };
        var times = new double[options.Steps];
        for (var step = -10; step < options.Steps; step++)
        {
            ranks.Meet("the start of a step");
            var began = Stopwatch.GetTimestamp();
            trainer.Step(x, y);
            if (step >= 0) times[step] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        Array.Sort(times);
        ranks.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times[0]:F2} {times[times.Length / 2]:F2}"));
        return 0;
    }
}
