using System.Globalization;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public sealed class WeightedSamplingTests
{
    private static Batches<double> NewBatches(double[] weights, int batchSize = 4, int seed = 1)
    {
        var x = Matrix<double>.Build.Dense(weights.Length, 1, (i, _) => i);
        return new(x, x, batchSize, new Generator(seed)) { SamplingWeights = weights };
    }

    [Fact, NeedsTorch]
    public void An_epoch_is_PyTorchs_multinomial_with_replacement()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            double[] weights = [.. Enumerable.Range(0, 2 + random.Next(60)).Select(_ => random.Next(4) == 0 ? 0 : random.NextDouble() * 10), 0.5];
            var batches = NewBatches(weights, seed: seed);
            using var generator = new torch.Generator((ulong)seed);
            for (var epoch = 0; epoch < 3; epoch++)
            {
                batches.Shuffle();
                using var drawn = torch.multinomial(torch.tensor(weights), weights.Length, replacement: true, generator: generator);
                batches.Order.ToArray().Select(i => (long)i).Should().Equal(drawn.data<long>().ToArray());
            }
        }
    }

    [Fact]
    public void Samples_come_as_often_as_they_weigh_and_not_at_all_where_that_is_0()
    {
        double[] weights = [0, 1, 3, 0, 6, 0];
        var (batches, counts) = (NewBatches(weights), new double[6]);
        const int Epochs = 3000;
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            batches.Shuffle();
            foreach (var i in batches.Order) counts[i]++;
        }

        for (var i = 0; i < 6; i++)
        {
            double draws = 6.0 * Epochs, p = weights[i] / 10;
            counts[i].Should().BeApproximately(draws * p, 5 * Math.Sqrt(draws * p * (1 - p)) + 1e-9);
        }
    }

    [Fact]
    public void Drawing_allocates_nothing()
    {
        var batches = NewBatches([1, 2, 3, 4, 5]);
        Allocation.Least(() =>
        {
            batches.Shuffle();
            for (var i = 0; i < batches.Count; i++) _ = batches.TryGather(i, out _);
        }).Should().Be(0);
    }

    [Fact]
    public void Weights_that_nothing_can_be_drawn_by_are_refused()
    {
        var x = Matrix<double>.Build.Dense(3, 1);
        Refused<ArgumentException>(() => new Batches<double>(x, x, 2) { SamplingWeights = [1, 2, 3] }, "Batches expects a generator to draw samples by their weights, but shuffle is null. (Parameter 'SamplingWeights')");
        Refused<ArgumentException>(() => new Batches<double>(x, x, 2, new Generator(1)) { SamplingWeights = [1, 2] }, "Batches expects a weight for each of 3 samples, but there are 2. (Parameter 'SamplingWeights')");
        Refused<ArgumentException>(() => NewBatches([0, 0]), "Batches expects weights with a finite sum above 0, but it is 0. (Parameter 'SamplingWeights')");
        foreach (var bad in (double[])[-0.5, double.NaN, double.PositiveInfinity])
            Refused<ArgumentOutOfRangeException>(() => NewBatches([1, bad]), string.Create(CultureInfo.InvariantCulture, $"Batches expects weights that are finite and at least 0, but that of sample 1 is {bad}. (Parameter 'SamplingWeights')"));
    }

    private static void Refused<TException>(Func<object> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);
}
