using System.Globalization;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class SamplesTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Samples that say which they are: x and y of row r of sample i are 100 i + r, and the negative of it.</summary>
    private static Samples<T> Numbered(int count, int inputRows = 1, int targetRows = 1, bool weighted = false) => new(
        Matrix<T>.Build.Dense(count * inputRows, 2, (i, j) => T.CreateChecked(100 * (i / inputRows) + i % inputRows + 10 * j)),
        Matrix<T>.Build.Dense(count * targetRows, 1, (i, _) => -T.CreateChecked(100 * (i / targetRows) + i % targetRows)),
        inputRows, targetRows, weighted ? Matrix<T>.Build.Dense(count, 1, (i, _) => T.CreateChecked(i + 1)) : null);

    /// <summary>Samples of classes, each with a number of its own as its input.</summary>
    private static Samples<T> OfClasses(params int[] classes) => new(
        Matrix<T>.Build.Dense(classes.Length, 1, (i, _) => T.CreateChecked(i)), Matrix<T>.Build.Dense(classes.Length, 1, (i, _) => T.CreateChecked(classes[i])));

    private static int[] Numbers(Samples<T> samples) => [.. Enumerable.Range(0, samples.Count).Select(i => int.CreateChecked(samples.X[i * samples.InputRows, 0]) / (samples.InputRows == 1 && samples.X.ColumnCount == 1 ? 1 : 100))];

    [Fact]
    public void Rows_are_copied_in_the_order_given_and_keep_a_samples_rows_together() => Gen.Select(Any.Size, Gen.Int[1, 4], Gen.Int[1, 3], Gen.Bool, Gen.Int[0, 1000]).ForAll(sizes =>
    {
        var (count, inputRows, targetRows, weighted, seed) = sizes;
        var (samples, random) = (Numbered(count, inputRows, targetRows, weighted), new Random(seed));
        int[] indices = [.. Enumerable.Range(0, 1 + random.Next(2 * count)).Select(_ => random.Next(count))];
        var rows = samples.Rows(indices);
        (rows.Count, rows.InputRows, rows.TargetRows).Should().Be((indices.Length, inputRows, targetRows));
        for (var i = 0; i < indices.Length; i++)
        {
            rows.X.SubMatrix(i * inputRows, inputRows, 0, 2).Should().Be(samples.X.SubMatrix(indices[i] * inputRows, inputRows, 0, 2));
            rows.Y.SubMatrix(i * targetRows, targetRows, 0, 1).Should().Be(samples.Y.SubMatrix(indices[i] * targetRows, targetRows, 0, 1));
            if (weighted) rows.Weights![i, 0].Should().Be(samples.Weights![indices[i], 0]);
        }

        (rows.Weights is null).Should().Be(!weighted);
    });

    [Fact]
    public void Sequences_are_counted_split_and_batched_as_samples()
    {
        var samples = Numbered(10, inputRows: 3, targetRows: 2, weighted: true);
        samples.Count.Should().Be(10);
        var (training, heldBack) = samples.Split(0.3, new Generator(4));
        Numbers(heldBack).Concat(Numbers(training)).Should().Equal(new Generator(4).Permutation(10));

        var batches = new Batches<T>(samples, 4, new Generator(5));
        batches.Shuffle();
        batches.Count.Should().Be(3);
        var order = new Generator(5).Permutation(10);
        var (x, y, weights) = batches.Gather(1);
        (x.RowCount, y.RowCount, weights!.RowCount).Should().Be((12, 8, 4));
        for (var i = 0; i < 4; i++)
        {
            for (var r = 0; r < 3; r++) x[3 * i + r, 0].Should().Be(T.CreateChecked(100 * order[4 + i] + r));
            for (var r = 0; r < 2; r++) y[2 * i + r, 0].Should().Be(-T.CreateChecked(100 * order[4 + i] + r));
            weights[i, 0].Should().Be(T.CreateChecked(order[4 + i] + 1));
        }
    }

    [Fact]
    public void A_layer_that_wants_several_rows_gets_those_of_one_sequence()
    {
        Sequential<T> model = new() { new BatchNorm1d<T>(2), new Linear<T>(2, 1) };
        Trainer<T> Of(int inputRows) => new(model, new MSELoss<T>(), new SGD<T>(model.Parameters, 0.1), new(Numbered(5, inputRows, inputRows), 1));
        Of(3).Fit(1).Epochs.Should().ContainSingle();
        Refused<ArgumentException>(() => Of(1).Fit(1), "0: BatchNorm1d(2) expects at least 2 samples in a batch, but the last of 5 samples in batches of 1 has 1. *");
    }

    [Fact]
    public void A_split_in_order_holds_the_last_ones_back_after_a_gap()
    {
        var (training, heldBack) = Numbered(10, inputRows: 2).SplitInOrder(0.25);
        Numbers(training).Should().Equal(0, 1, 2, 3, 4, 5, 6, 7);
        Numbers(heldBack).Should().Equal(8, 9);
        (training, heldBack) = Numbered(10).SplitInOrder(0.3, gap: 2);
        Numbers(training).Should().Equal(0, 1, 2, 3, 4);
        Numbers(heldBack).Should().Equal(7, 8, 9);
        Refused<InvalidOperationException>(() => Numbered(4).SplitInOrder(0.5, gap: 2), "Samples expects samples before the gap of 2, but of 4 the last 2 are held back.");
        Refused<ArgumentOutOfRangeException>(() => Numbered(4).SplitInOrder(0.5, gap: -1), "Samples expects gap to be at least 0, but it is -1. (Parameter 'gap')");
        Refused<ArgumentOutOfRangeException>(() => Numbered(4).SplitInOrder(1), "Samples expects heldBack to be above 0 and below 1, but it is 1. *");
    }

    [Fact]
    public void A_stratified_split_has_each_class_in_both_parts_by_its_share() => Gen.Select(Gen.Int[2, 40].List[1, 5], Gen.Double[0.05, 0.95], Gen.Int[0, 1000]).ForAll(drawn =>
    {
        var (sizes, share, seed) = drawn;
        int[] classes = [.. sizes.SelectMany((size, k) => Enumerable.Repeat(k, size))];
        new Random(seed).Shuffle(classes);
        var samples = OfClasses(classes);
        var (training, heldBack) = samples.SplitStratified(share, new Generator(seed));
        Numbers(training).Concat(Numbers(heldBack)).Order().Should().Equal(Enumerable.Range(0, classes.Length));
        for (var k = 0; k < sizes.Count; k++)
        {
            var held = Numbers(heldBack).Count(i => classes[i] == k);
            held.Should().BeInRange(1, sizes[k] - 1);
            ((double)held).Should().BeInRange(Math.Min(sizes[k] - 1, share * sizes[k] - 1.5), Math.Max(1, share * sizes[k] + 1.5));
        }

        var again = samples.SplitStratified(share, new Generator(seed));
        again.HeldBack.X.Should().Be(heldBack.X);
        // In the generator's order, of which the first of each class are held back.
        var order = new Generator(seed).Permutation(classes.Length);
        Numbers(heldBack).Should().Equal(order.Where(i => Numbers(heldBack).Contains(i)));
        for (var k = 0; k < sizes.Count; k++)
            order.Where(i => classes[i] == k).Take(Numbers(heldBack).Count(i => classes[i] == k)).Should().BeSubsetOf(Numbers(heldBack));
    });

    [Fact]
    public void Classes_may_be_columns_of_which_the_largest_counts()
    {
        var y = Matrix<T>.Build.Dense(6, 3, (i, j) => i % 3 == j ? T.One : T.Zero);
        var (training, heldBack) = new Samples<T>(Matrix<T>.Build.Dense(6, 1), y).SplitStratified(0.5, new Generator(1));
        heldBack.Y.ColumnSums().Should().Equal(T.One, T.One, T.One);
        training.Y.ColumnSums().Should().Equal(T.One, T.One, T.One);
    }

    [Fact]
    public void Folds_hold_each_sample_back_once() => Gen.Select(Gen.Int[2, 30], Gen.Int[2, 30], Gen.Bool, Gen.Int[0, 1000]).ForAll(drawn =>
    {
        var (count, folds, shuffled, seed) = drawn;
        folds = Math.Min(folds, count);
        var samples = Numbered(count, inputRows: 2);
        List<int> held = [];
        foreach (var (training, heldBack) in samples.KFold(folds, shuffled ? new Generator(seed) : null))
        {
            Numbers(training).Concat(Numbers(heldBack)).Order().Should().Equal(Enumerable.Range(0, count));
            Numbers(training).Should().BeInAscendingOrder();
            Numbers(heldBack).Should().BeInAscendingOrder();
            heldBack.Count.Should().Be(count / folds + (held.Count < count % folds * (count / folds + 1) ? 1 : 0));
            held.AddRange(Numbers(heldBack));
        }

        held.Should().OnlyHaveUniqueItems().And.HaveCount(count);
        if (!shuffled) held.Should().BeInAscendingOrder();
        else
        {
            var order = new Generator(seed).Permutation(count);
            Numbers(samples.KFold(folds, new Generator(seed)).First().HeldBack).Should().Equal(order[..((count - 1) / folds + 1)].Order());
        }
    });

    // Its rule by hand: classes are numbered as they first come, sorted, and dealt out in turn; a class's samples go to the folds in ascending order.
    [Fact]
    public void Stratified_folds_are_scikit_learns()
    {
        var folds = OfClasses(1, 1, 1, 0, 0, 2, 1, 0, 2, 1, 0, 2).StratifiedKFold(3).Select(fold => Numbers(fold.HeldBack)).ToArray();
        folds[0].Should().Equal(0, 1, 3, 5);
        folds[1].Should().Equal(2, 4, 6, 8);
        folds[2].Should().Equal(7, 9, 10, 11);
    }

    [Fact]
    public void Stratified_folds_are_equal_in_size_and_in_each_class() => Gen.Select(Gen.Int[4, 20].List[1, 5], Gen.Int[2, 4], Gen.Bool, Gen.Int[0, 1000]).ForAll(drawn =>
    {
        var (sizes, folds, shuffled, seed) = drawn;
        int[] classes = [.. sizes.SelectMany((size, k) => Enumerable.Repeat(k, size))];
        new Random(seed).Shuffle(classes);
        var samples = OfClasses(classes);
        var held = samples.StratifiedKFold(folds, shuffled ? new Generator(seed) : null).Select(fold => (Held: Numbers(fold.HeldBack), Training: Numbers(fold.Training))).ToArray();
        held.Should().HaveCount(folds);
        held.SelectMany(fold => fold.Held).Order().Should().Equal(Enumerable.Range(0, classes.Length));
        foreach (var (fold, training) in held)
        {
            fold.Concat(training).Order().Should().Equal(Enumerable.Range(0, classes.Length));
            fold.Length.Should().BeInRange(classes.Length / folds, (classes.Length - 1) / folds + 1);
            for (var k = 0; k < sizes.Count; k++) fold.Count(i => classes[i] == k).Should().BeInRange(sizes[k] / folds, (sizes[k] - 1) / folds + 1);
        }
    });

    [Fact]
    public void A_generator_changes_which_samples_are_in_which_stratified_fold()
    {
        var samples = OfClasses([.. Enumerable.Range(0, 60).Select(i => i % 3)]);
        string Of(Generator? generator) => string.Join('|', samples.StratifiedKFold(4, generator).Select(fold => string.Join(' ', Numbers(fold.HeldBack))));
        Of(new Generator(1)).Should().Be(Of(new Generator(1))).And.NotBe(Of(new Generator(2))).And.NotBe(Of(null));
    }

    [Fact]
    public void What_cannot_be_taken_apart_is_refused()
    {
        var samples = OfClasses(0, 0, 0, 1, 1, 2);
        Refused<InvalidOperationException>(() => samples.StratifiedKFold(3), "Samples expects at least 3 samples of each class, one in each fold, but there are 2 of class 1.");
        Refused<InvalidOperationException>(() => samples.SplitStratified(0.5, new Generator(1)), "Samples expects at least 2 samples of each class, one on each side of a split, but there is 1 of class 2.");
        Refused<ArgumentOutOfRangeException>(() => samples.KFold(7), "Samples expects folds to be from 2 to 6, the number of samples, but it is 7. (Parameter 'folds')");
        Refused<ArgumentOutOfRangeException>(() => samples.StratifiedKFold(1), "Samples expects folds to be from 2 to 6, the number of samples, but it is 1. (Parameter 'folds')");
        Refused<InvalidOperationException>(() => new Samples<T>(samples.X, samples.X * T.CreateChecked(0.5)).StratifiedKFold(2), "Samples expects a class for each sample, but y has 0.5 in row 1.");
        Refused<InvalidOperationException>(() => Numbered(4, targetRows: 2).StratifiedKFold(2), "Samples expects a class for each sample, but each has 2 rows of targets.");
        Refused<ArgumentOutOfRangeException>(() => samples.Rows(1, 6), "Samples expects indices from 0 to 5, but one is 6. (Parameter 'indices')");
        Refused<ArgumentOutOfRangeException>(() => samples.Rows(-1), "Samples expects indices from 0 to 5, but one is -1. (Parameter 'indices')");
        Refused<ArgumentException>(() => samples.Rows(), "Samples expects at least one index, but there is none. (Parameter 'indices')");
    }

    [Fact]
    public void What_are_no_whole_samples_is_refused()
    {
        Matrix<T> six = Matrix<T>.Build.Dense(6, 2), three = Matrix<T>.Build.Dense(3, 1);
        Refused<ArgumentException>(() => new Samples<T>(six, three, inputRows: 4), "Samples expects whole samples of 4 rows, but x is 6x2. (Parameter 'x')");
        Refused<ArgumentException>(() => new Samples<T>(six, three, inputRows: 2, targetRows: 2), "Samples expects whole samples of 2 rows, but y is 3x1. (Parameter 'y')");
        Refused<ArgumentException>(() => new Samples<T>(six, three, inputRows: 3), "Samples expects a target for each input, but x is 6x2, 3 rows a sample, and y is 3x1. (Parameter 'y')");
        Refused<ArgumentOutOfRangeException>(() => new Samples<T>(six, three, inputRows: 0), "Samples expects inputRows to be at least 1. (Parameter 'inputRows')*");
        Refused<ArgumentOutOfRangeException>(() => new Samples<T>(six, three, 2, targetRows: -1), "Samples expects targetRows to be at least 1. (Parameter 'targetRows')*");
        Refused<ArgumentException>(() => new Samples<T>(six, three, 2, weights: six), "Samples expects weights to be 3x1, but it is 6x2. (Parameter 'weights')");
        foreach (var bad in (double[])[-1, double.NaN, double.PositiveInfinity])
            Refused<ArgumentOutOfRangeException>(() => new Samples<T>(six, three, 2, weights: Matrix<T>.Build.Dense(3, 1, (i, _) => T.CreateChecked(i == 1 ? bad : 1))),
                string.Create(CultureInfo.InvariantCulture, $"Samples expects weights that are finite and at least 0, but weights has {bad} in row 1, column 0. (Parameter 'weights')"));
    }

    private static void Refused<TException>(Func<object> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);
}

public sealed class SamplesDoubleTests : SamplesTests<double>;

public sealed class SamplesSingleTests : SamplesTests<float>;
