using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class BatchesTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static Matrix<T> Numbered(int rows, int columns) => Matrix<T>.Build.Dense(rows, columns, (i, j) => T.CreateChecked(100 * i + j));

    [Fact]
    public void An_epoch_has_every_row_once_in_the_generators_order() => CsCheck.Gen.Select(Any.Size, Any.Size, Any.Shape).ForAll(sizes =>
    {
        var (samples, batchSize, (columns, targets, seed)) = sizes;
        Matrix<T> x = Numbered(samples, columns), y = -Numbered(samples, targets);
        var (batches, generator) = (new Batches<T>(x, y, batchSize, new Generator(seed)), new Generator(seed));
        for (var epoch = 0; epoch < 3; epoch++)
        {
            batches.Shuffle();
            var order = generator.Permutation(samples);
            batches.Order.ToArray().Should().Equal(order);
            var row = 0;
            for (var batch = 0; batch < batches.Count; batch++)
            {
                var (xs, ys) = batches.Gather(batch);
                xs.RowCount.Should().Be(Math.Min(batchSize, samples - row));
                for (var i = 0; i < xs.RowCount; i++, row++)
                {
                    xs.Row(i).Should().Equal(x.Row(order[row]));
                    ys.Row(i).Should().Equal(y.Row(order[row]));
                }
            }

            row.Should().Be(samples);
        }
    });

    [Fact]
    public void Without_a_generator_rows_come_as_they_are()
    {
        var batches = new Batches<T>(Numbered(5, 2), Numbered(5, 1), 2);
        batches.Shuffle();
        batches.Count.Should().Be(3);
        batches.Gather(2).X.Should().Be(Numbered(5, 2).SubMatrix(4, 1, 0, 2));
    }

    [Theory]
    [InlineData(10, 4, 2)]
    [InlineData(8, 4, 2)]
    [InlineData(4, 4, 1)]
    public void A_shorter_last_batch_can_be_dropped(int samples, int batchSize, int count)
    {
        var batches = new Batches<T>(Numbered(samples, 2), Numbered(samples, 1), batchSize, dropLast: true);
        batches.Count.Should().Be(count);
        batches.Gather(count - 1).X.RowCount.Should().Be(batchSize);
    }

    [Fact]
    public void A_batch_size_above_the_samples_makes_one_batch_of_all()
    {
        var batches = new Batches<T>(Numbered(3, 2), Numbered(3, 1), 100);
        (batches.Count, batches.BatchSize).Should().Be((1, 3));
        batches.Gather(0).X.Should().Be(Numbered(3, 2));
    }

    [Fact]
    public void Epochs_allocate_nothing_once_both_sizes_were_met()
    {
        var batches = new Batches<T>(Numbered(50, 6), Numbered(50, 1), 8, new Generator(1));
        Epoch();
        Epoch();
        Allocation.Least(() =>
        {
            for (var i = 0; i < 5; i++) Epoch();
        }).Should().Be(0);

        void Epoch()
        {
            batches.Shuffle();
            for (var i = 0; i < batches.Count; i++) _ = batches.Gather(i);
        }
    }

    [Fact]
    public void What_cannot_be_served_is_refused()
    {
        Refused<ArgumentException>(() => new Batches<T>(Numbered(3, 2), Numbered(4, 1), 1), "Samples expects a target for each input, but x is 3x2 and y is 4x1. (Parameter 'y')");
        Refused<ArgumentException>(() => new Batches<T>(Matrix<T>.Build.Sparse(3, 2), Numbered(3, 1), 1), "Samples expects a dense matrix, but x is a 3x2 *(Parameter 'x')");
        Refused<ArgumentException>(() => new Batches<T>(Matrix<T>.Build.Dense(0, 2), Matrix<T>.Build.Dense(0, 1), 1), "Samples expects at least one sample, but x is 0x2. (Parameter 'x')");
        Refused<ArgumentOutOfRangeException>(() => new Batches<T>(Numbered(3, 2), Numbered(3, 1), 0), "Batches expects batchSize to be at least 1. (Parameter 'batchSize')*");
        Refused<ArgumentException>(() => new Batches<T>(Numbered(3, 2), Numbered(3, 1), 4, dropLast: true), "Batches expects at least 4 samples where a smaller last batch is dropped, but there are 3. (Parameter 'batchSize')");
        Refused<ArgumentNullException>(() => new Batches<T>(null!, 1), "*(Parameter 'samples')");
        Refused<ArgumentNullException>(() => new Batches<T>(Numbered(3, 2), null!, 1), "*(Parameter 'y')");
        Refused<ArgumentOutOfRangeException>(() => new Batches<T>(Numbered(3, 2), Numbered(3, 1), 2).Gather(2), "Batches expects an index from 0 to 1. (Parameter 'index')*");
        Refused<ArgumentOutOfRangeException>(() => new Batches<T>(Numbered(3, 2), Numbered(3, 1), 2).Gather(-1), "Batches expects an index from 0 to 1. (Parameter 'index')*");
    }

    [Fact]
    public void A_split_gives_each_sample_to_one_side_by_the_generators_order()
    {
        var samples = new Samples<T>(Numbered(10, 3), -Numbered(10, 1));
        var (training, heldBack) = samples.Split(0.3, new Generator(4));
        var order = new Generator(4).Permutation(10);
        (training.Count, heldBack.Count).Should().Be((7, 3));
        for (var i = 0; i < 10; i++)
        {
            var (side, row) = i < 3 ? (heldBack, i) : (training, i - 3);
            side.X.Row(row).Should().Equal(samples.X.Row(order[i]));
            side.Y.Row(row).Should().Equal(samples.Y.Row(order[i]));
        }
    }

    [Fact]
    public void A_split_leaves_at_least_one_sample_on_each_side()
    {
        var samples = new Samples<T>(Numbered(2, 1), Numbered(2, 1));
        samples.Split(0.001, new Generator(1)).HeldBack.Count.Should().Be(1);
        samples.Split(0.999, new Generator(1)).Training.Count.Should().Be(1);
        Refused<InvalidOperationException>(() => new Samples<T>(Numbered(1, 1), Numbered(1, 1)).Split(0.5, new Generator(1)), "Samples expects at least 2 samples to split, but there is 1.");
        foreach (var share in (double[])[0, 1, -0.5, double.NaN])
            Refused<ArgumentOutOfRangeException>(() => samples.Split(share, new Generator(1)), "Samples expects heldBack to be above 0 and below 1, but it is *");
    }

    private static void Refused<TException>(Func<object> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);
}

public sealed class BatchesDoubleTests : BatchesTests<double>;

public sealed class BatchesSingleTests : BatchesTests<float>;
