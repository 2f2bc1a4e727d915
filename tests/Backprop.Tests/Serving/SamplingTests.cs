using System.Numerics;
using FluentAssertions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class SamplingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>As the text of a GPT is written: scores divided, the least left out, softmax, multinomial.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(1, null)]
    [InlineData(0.7, null)]
    [InlineData(1.5, 5)]
    [InlineData(0.8, 1)]
    [InlineData(1, 100)]
    public void Choices_are_PyTorchs_for_the_same_seed(double temperature, int? topK)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(7);
        var sampling = new Sampling(temperature, topK, generator);
        using var theirs = new torch.Generator(7);
        for (var i = 0; i < 200; i++)
        {
            var scores = Any.Vector<T>(27, i, scale: 4);
            var p = Proof.Tensor(scores.ToRowMatrix()).flatten() / temperature;
            if (topK < 27) p = p.masked_fill(p.lt(p.topk(topK.Value).values.min()), double.NegativeInfinity);
            // What torch.multinomial does: the greatest of p / q, with q drawn by exponential_.
            sampling.Next<T>(scores.AsArray()).Should().Be((int)multinomial(p.softmax(-1), 1, false, theirs).item<long>());
        }
    }

    [Fact]
    public void Choices_over_a_row_are_PyTorchs_bit_for_bit()
    {
        var generator = new Generator(9);
        var waits = new T[8];
        generator.Exponential<T>(waits);
        LayerFixture.Agrees<T>(waits, $"exponential");
        var p = Array.ConvertAll([0.5, 0.0, 1.5, 0.25, 3.0, 0.125, 0.0, 1.0], T.CreateChecked);
        for (var i = 0; i < 40; i++) T.CreateChecked(generator.Multinomial<T>(p)).Should().Be(LayerFixture.Of<T>($"multinomial")[i]);
    }

    [Fact]
    public void Each_comes_as_often_as_its_probability_says()
    {
        var p = Array.ConvertAll([0.1, 0.0, 0.6, 0.3], T.CreateChecked);
        var generator = new Generator(2);
        var counts = new int[4];
        for (var i = 0; i < 20_000; i++) counts[generator.Multinomial<T>(p)]++;
        for (var i = 0; i < 4; i++) (counts[i] / 20_000.0).Should().BeApproximately(double.CreateChecked(p[i]), 5 * Math.Sqrt(0.25 / 20_000));
        counts[1].Should().Be(0);
    }

    [Fact]
    public void At_temperature_0_the_first_of_the_best_is_chosen_and_nothing_drawn()
    {
        var generator = new Generator(1);
        new Sampling(0, generator: generator).Next<T>(Array.ConvertAll([1.0, 3, -2, 3], T.CreateChecked)).Should().Be(1);
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }

    [Fact]
    public void Extremes_are_chosen_from()
    {
        var sampling = new Sampling(1e-3, generator: new Generator(1));
        T[] scores = [T.NegativeInfinity, T.CreateChecked(1e30), T.CreateChecked(-1e30)];
        for (var i = 0; i < 20; i++) sampling.Next<T>(scores).Should().Be(1);
        foreach (var temperature in new[] { double.Epsilon, 1e-46, 1e-38 })
            new Sampling(temperature, generator: new Generator(1)).Next<T>([T.Zero, T.One, T.CreateChecked(0.5)]).Should().Be(1);
        var huge = T.CreateTruncating(typeof(T) == typeof(float) ? 1e38 : 1e308);
        int[] drawn = [.. Enumerable.Range(0, 50).Select(_ => new Sampling(1e-5, topK: 2, generator: new Generator(_)).Next<T>([huge, -huge, huge, T.Zero]))];
        drawn.Distinct().Should().BeEquivalentTo([0, 2], "of equals each comes");
    }

    [Fact]
    public void What_cannot_be_chosen_from_is_refused_before_anything_is_drawn()
    {
        var generator = new Generator(1);
        var sampling = new Sampling(generator: generator);
        Refuse(() => sampling.Next<T>([]), "Sampling expects scores to choose from, but there are none.*");
        Refuse(() => sampling.Next<T>([T.One, T.NaN]), "Sampling expects finite scores, but the one of 1 is NaN. (Parameter 'scores')");
        Refuse(() => sampling.Next<T>([T.PositiveInfinity]), "Sampling expects finite scores, but the one of 0 is *");
        Refuse(() => sampling.Next<T>([T.NegativeInfinity, T.NegativeInfinity]), "Sampling expects a finite score, but all are -∞.*");
        Refuse(() => generator.Multinomial<T>([T.One, -T.One]), "Multinomial expects probabilities that are finite and at least 0, but the one of 1 is -1. (Parameter 'probabilities')");
        Refuse(() => generator.Multinomial<T>([T.Zero, T.Zero]), "Multinomial expects a probability above 0, but there is none.*");
        Refuse(() => generator.Multinomial<T>([]), "Multinomial expects a probability above 0, but there is none.*");
        generator.GetState().Should().Equal(new Generator(1).GetState());

        static void Refuse(Func<int> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }
}

public sealed class SamplingDoubleTests : SamplingTests<double>
{
    [Fact]
    public void Bad_settings_are_named()
    {
        var temperature = () => new Sampling(-1);
        temperature.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Sampling expects temperature to be finite and at least 0, but it is -1. (Parameter 'temperature')");
        var topK = () => new Sampling(topK: 0);
        topK.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Sampling expects topK to be at least 1.*");
        var rate = () => new Generator(1).Exponential<double>(new double[1], 0);
        rate.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Exponential expects rate to be finite and above 0, but it is 0. (Parameter 'rate')");
    }
}

public sealed class SamplingSingleTests : SamplingTests<float>;
