using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Sequences of different lengths come in by every door, streams, records and predictions, with the numbers of those that <see cref="Samples{T}"/> in memory have.</summary>
public abstract class LengthDoorsTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const int Steps = 4, Inputs = 2, Classes = 3;

    private static int LengthOf(int sample) => 1 + sample * 7 % Steps;

    /// <summary>Sequences whose first value says which they are; what is beyond is 0.</summary>
    private static Samples<T> Data(int count, bool ofEachStep, bool weighted = false)
    {
        var (random, rows) = (new Random(1), ofEachStep ? Steps : 1);
        var x = Matrix<T>.Build.Dense(count * Steps, Inputs, (i, j) => i % Steps >= LengthOf(i / Steps) ? T.Zero : i % Steps == 0 && j == 0 ? T.CreateChecked(i / Steps / 128.0) : T.CreateChecked(random.NextDouble()));
        var y = Matrix<T>.Build.Dense(count * rows, 1, (i, _) => ofEachStep && i % Steps >= LengthOf(i / Steps) ? T.Zero : T.CreateChecked(random.Next(Classes)));
        return new(x, y, Steps, rows, weighted ? Matrix<T>.Build.Dense(count, 1, (i, _) => T.CreateChecked(i % 3 * 0.5)) : null, [.. Enumerable.Range(0, count).Select(LengthOf)]);
    }

    /// <summary>A sample as arrays of what is there; its weight follows its targets.</summary>
    private static (T[] X, T[] Y) Short(Samples<T> samples, int i)
    {
        var length = samples.Lengths![i];
        var y = Values(samples.Y, i * samples.TargetRows, samples.TargetRows == samples.InputRows ? length : samples.TargetRows);
        return (Values(samples.X, i * samples.InputRows, length), samples.Weights is { } weights ? [.. y, weights[i, 0]] : y);
    }

    private static T[] Values(Matrix<T> from, int first, int rows) => [.. Enumerable.Range(first, rows).SelectMany(row => from.Row(row))];

    private static StreamedBatches<T>[] Streams(Samples<T> samples, int batchSize, int? shuffle = null, int buffer = 1024, bool known = false)
    {
        var (targetRows, weighted) = (samples.TargetRows, samples.Weights is not null);
        IEnumerable<(T[] X, T[] Y)> Arrays() => Enumerable.Range(0, samples.Count).Select(i => Short(samples, i));
        return
        [
            new(() => new Reader(samples), Inputs, 1, batchSize, Seeded(), sampleCount: known ? samples.Count : null, inputRows: Steps, targetRows: targetRows) { HasLengths = true, Weighted = weighted, ShuffleBuffer = buffer },
            new(Arrays, Inputs, 1, batchSize, Seeded(), sampleCount: known ? samples.Count : null, inputRows: Steps, targetRows: targetRows) { HasLengths = true, Weighted = weighted, ShuffleBuffer = buffer },
            new(() => InTime(Arrays()), Inputs, 1, batchSize, Seeded(), sampleCount: known ? samples.Count : null, inputRows: Steps, targetRows: targetRows) { HasLengths = true, Weighted = weighted, ShuffleBuffer = buffer },
        ];

        Generator? Seeded() => shuffle is int seed ? new(seed) : null;
    }

    [Fact]
    public void A_stream_of_any_form_gives_the_batches_of_memory() => Gen.Select(Gen.Int[1, 25], Gen.Int[1, 9], Gen.Bool, Gen.Bool).ForAll(sizes =>
    {
        var (count, batchSize, ofEachStep, weighted) = sizes;
        var samples = Data(count, ofEachStep, weighted);
        var expected = new Batches<T>(samples, batchSize);
        foreach (var source in Streams(samples, batchSize))
        {
            source.Shuffle();
            for (var i = 0; i < expected.Count; i++)
            {
                source.TryGather(i, out var batch).Should().BeTrue();
                var other = expected.Gather(i);
                (batch.X, batch.Y, batch.Weights).Should().Be((other.X, other.Y, other.Weights));
                batch.Lengths.ToArray().Should().Equal(other.Lengths.ToArray());
            }

            source.TryGather(expected.Count, out _).Should().BeFalse();
        }
    }, count: 60);

    /// <summary>Batches that are read ahead have lengths of their own, and a shuffled row keeps its own.</summary>
    [Fact]
    public void Lengths_stay_with_their_rows_in_a_shuffled_stream()
    {
        var samples = Data(40, ofEachStep: false);
        foreach (var source in Streams(samples, 6, shuffle: 3, buffer: 15))
        {
            source.Shuffle();
            List<int> came = [];
            for (var i = 0; source.TryGather(i, out var batch); i++)
            {
                batch.Lengths.Length.Should().Be(batch.X.RowCount / Steps);
                for (var n = 0; n < batch.Lengths.Length; n++)
                {
                    var sample = (int)Math.Round(double.CreateChecked(batch.X[n * Steps, 0]) * 128);
                    batch.Lengths.Span[n].Should().Be(LengthOf(sample));
                    batch.Y[n, 0].Should().Be(samples.Y[sample, 0]);
                    came.Add(sample);
                }
            }

            came.Order().Should().Equal(Enumerable.Range(0, 40));
            came.Should().NotBeInAscendingOrder();
        }
    }

    [Theory]
    [InlineData(true, 1, false)]
    [InlineData(false, 1, true)]
    [InlineData(true, 2, true)]
    public void A_training_from_a_stream_has_the_bits_of_one_from_memory(bool ofEachStep, int shards, bool weighted)
    {
        var samples = Data(22, ofEachStep, weighted);
        var inMemory = Build(new Batches<T>(samples, 5));
        var expected = inMemory.Fit(3).ToString();
        foreach (var source in Streams(samples, 5, known: true))
        {
            var streamed = Build(source);
            streamed.Fit(3).ToString().Should().Be(expected);
            Runs.Model(streamed.Model).Should().Be(Runs.Model(inMemory.Model));
        }

        Trainer<T> Build(BatchSource<T> source) => NewTrainer(ofEachStep, source, shards, samples);
    }

    [Fact]
    public void A_streamed_training_is_resumed_bit_for_bit_and_one_without_lengths_is_another()
    {
        var samples = Data(22, ofEachStep: false);
        var whole = Build(true);
        whole.Fit(3);
        var saved = Build(true);
        saved.Fit(3, progress =>
        {
            if (saved.Epoch == 1 && saved.Batch == 2) saved.Stop();
        });
        using var file = new MemoryStream();
        saved.SaveCheckpoint(file);
        var resumed = Build(true);
        resumed.LoadCheckpoint(new MemoryStream(file.ToArray()));
        resumed.Fit(3);
        Runs.ModelState(resumed.Model).Should().Be(Runs.ModelState(whole.Model));

        var other = () => Build(false).LoadCheckpoint(new MemoryStream(file.ToArray()));
        other.Should().Throw<InvalidDataException>().WithMessage("*streamed, 2 -> 1, 4 -> 1 rows a sample, of different lengths*");

        Trainer<T> Build(bool hasLengths) => NewTrainer(false, new StreamedBatches<T>(() => new Reader(samples), Inputs, 1, 5, new Generator(2), inputRows: Steps) { HasLengths = hasLengths, ShuffleBuffer = 9 });
    }

    [Fact]
    public void A_steady_epoch_of_a_reader_allocates_nothing()
    {
        var source = Streams(Data(300, ofEachStep: true), 5)[0];
        var least = long.MaxValue;
        for (var epoch = 0; epoch < 3; epoch++)
        {
            source.Shuffle();
            for (var i = 0; i < 10; i++) source.TryGather(i, out _);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 10; i < 60; i++) source.TryGather(i, out _);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            source.Release();
        }

        least.Should().Be(0);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(-1, "-1")]
    [InlineData(5, "5")]
    [InlineData(1.5, "1.5")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    public void A_reader_with_a_length_that_is_none_is_refused_with_its_row(double length, string said)
    {
        var samples = Data(10, ofEachStep: true);
        var trainer = NewTrainer(true, new StreamedBatches<T>(() => new Reader(samples) { Length = i => T.CreateChecked(i == 7 ? length : LengthOf(i)) }, Inputs, 1, 3, inputRows: Steps, targetRows: Steps) { HasLengths = true });
        Refused<InvalidDataException>(() => trainer.Fit(1), $"In epoch 1, batch 3: StreamedBatches expects lengths from 1 to 4, but that of row 7, counted from 0, is {said}.");
    }

    [Fact]
    public void Values_that_are_there_are_looked_at_and_arrays_are_of_whole_rows()
    {
        var samples = Data(10, ofEachStep: true);
        Bad((x, y) => (null!, y), "from 1 to 4 rows of 2 values of x, but row 7, counted from 0, has none.");
        Bad((_, y) => ([], y), "from 1 to 4 rows of 2 values of x, but row 7, counted from 0, has 0 values.");
        Bad((x, y) => (x[..^1], y), "from 1 to 4 rows of 2 values of x, but row 7, counted from 0, has 3 values.");
        Bad((_, y) => (new T[10], y), "from 1 to 4 rows of 2 values of x, but row 7, counted from 0, has 10 values.");
        Bad((x, y) => (x, y[..^1]), "2 values of y, but row 7, counted from 0, has 1.");
        Bad((x, y) => (x, [.. y, T.One]), "2 values of y, but row 7, counted from 0, has 3.");
        Bad((x, y) => (x, null!), "2 values of y, but row 7, counted from 0, has none.");
        Bad((x, y) => ([.. x[..^1], T.NaN], y), "numbers, but row 7, counted from 0, has NaN as value 3 of x.");
        Bad((x, y) => (x, [y[0], T.NaN]), "numbers, but row 7, counted from 0, has NaN as value 1 of y.");

        // Without lengths there are none that are shorter.
        var whole = NewTrainer(true, new StreamedBatches<T>(() => Enumerable.Range(0, 10).Select(i => Short(samples, i)), Inputs, 1, 3, inputRows: Steps, targetRows: Steps));
        Refused<InvalidDataException>(() => whole.Fit(1), "In epoch 1, batch 1: StreamedBatches expects 8 values of x, but row 0, counted from 0, has 2.");

        void Bad(Func<T[], T[], (T[], T[])> spoil, string message)
        {
            LengthOf(7).Should().Be(2);
            var source = new StreamedBatches<T>(() => Enumerable.Range(0, 10).Select(i => Short(samples, i)).Select((row, i) => i == 7 ? spoil(row.X, row.Y) : row), Inputs, 1, 3, inputRows: Steps, targetRows: Steps) { HasLengths = true };
            Refused<InvalidDataException>(() => NewTrainer(true, source).Fit(1), $"In epoch 1, batch 3: StreamedBatches expects {message}");
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Records_are_the_samples_that_they_tell_of(bool ofEachStep, bool weighted)
    {
        var expected = Data(12, ofEachStep, weighted);
        var records = Enumerable.Range(0, 12).Select(i => (Row: Short(Data(12, ofEachStep), i), Weight: expected.Weights?[i, 0] ?? T.One, Length: LengthOf(i))).ToArray();
        var samples = Samples<T>.From(records, record => record.Row.X, record => record.Row.Y, weighted ? record => record.Weight : null, Steps, ofEachStep ? Steps : 1, record => record.Length);
        Same(samples, expected);

        // Whole ones have no lengths.
        var whole = Samples<T>.From(Enumerable.Range(0, 12), i => Values(expected.X, i * Steps, Steps), i => Values(expected.Y, i * expected.TargetRows, expected.TargetRows), inputRows: Steps, targetRows: expected.TargetRows);
        Same(whole, new(expected.X, expected.Y, Steps, expected.TargetRows));
        if (ofEachStep) return;
        var labelled = Samples<T>.From(records, record => record.Row.X, record => "abc"[int.CreateChecked(record.Row.Y[0])].ToString(), new("a", "b", "c"), weighted ? record => record.Weight : null, Steps, record => record.Length);
        Same(labelled, expected);

        static void Same(Samples<T> samples, Samples<T> expected)
        {
            (samples.X, samples.Y, samples.Weights, samples.InputRows, samples.TargetRows).Should().Be((expected.X, expected.Y, expected.Weights, expected.InputRows, expected.TargetRows));
            (samples.Lengths ?? []).Should().Equal(expected.Lengths ?? []);
            (samples.Lengths is null).Should().Be(expected.Lengths is null);
        }
    }

    [Fact]
    public void Records_whose_lengths_do_not_fit_are_refused()
    {
        foreach (var length in (int[])[0, -1, 5, int.MaxValue])
            Refused<ArgumentException>(() => From(length: i => i == 2 ? length : 1), $"Samples expects lengths from 1 to 4, but that of record 2, counted from 0, is {length}. (Parameter 'length')");
        Refused<ArgumentException>(() => From(x: i => new T[i == 2 ? 4 : 2 * (i + 1)], length: i => i + 1), "Samples expects 6 values of x, as the first record has in 3 rows, but record 2, counted from 0, has 4. (Parameter 'x')");
        Refused<ArgumentException>(() => From(x: _ => new T[5], length: _ => 2), "Samples expects as many values of x in each row, but record 0, counted from 0, has 5 in 2 rows. (Parameter 'x')");
        Refused<ArgumentException>(() => From(x: _ => null!, length: _ => 2), "Samples expects values of x, but record 0, counted from 0, has none. (Parameter 'x')");
        Refused<ArgumentException>(() => From(y: i => new T[i == 1 ? 4 : 2], length: _ => 2, targetRows: 4), "Samples expects 2 values of y, as the first record has in 2 rows, but record 1, counted from 0, has 4. (Parameter 'y')");
        Refused<ArgumentOutOfRangeException>(() => From(inputRows: 0), "Samples expects inputRows to be at least 1. (Parameter 'inputRows')*");
        Refused<ArgumentOutOfRangeException>(() => From(targetRows: -1), "Samples expects targetRows to be at least 1. (Parameter 'targetRows')*");

        static Samples<T> From(Func<int, T[]>? x = null, Func<int, T[]>? y = null, Func<int, int>? length = null, int inputRows = Steps, int targetRows = 1) =>
            Samples<T>.From(Enumerable.Range(0, 3), x ?? (i => new T[2 * (length?.Invoke(i) ?? inputRows)]), y ?? (_ => [T.One]), null, inputRows, targetRows, length);
    }

    public static TheoryData<string> Networks => ["lstm", "pooled", "attention", "linear first", "mean alone"];

    private static Layer<T> Network(string kind)
    {
        var generator = new Generator(5);
        return kind switch
        {
            "lstm" => Model(ofEachStep: true),
            "pooled" => Model(ofEachStep: false),
            "attention" => new Sequential<T> { { "attention", new TransformerEncoderLayer<T>(Inputs, 1, Steps, 5, 0, generator: generator) }, { "mean", new MeanOverTime<T>(Steps) }, { "out", new Linear<T>(Inputs, 3, generator: generator) } },
            "linear first" => new Sequential<T> { { "in", new Linear<T>(Inputs, 3, generator: generator) }, { "bend", new Tanh<T>() }, { "gru", new Sequential<T> { new GRU<T>(3, 4, Steps, generator: generator), new MaxOverTime<T>(Steps) } } },
            _ => new MeanOverTime<T>(Steps),
        };
    }

    [Theory, MemberData(nameof(Networks))]
    public void A_prediction_has_the_bits_of_a_pass_with_lengths_and_keeps_none(string kind)
    {
        const int count = 9;
        var (model, x, other) = (Network(kind), Data(count, ofEachStep: false).X, Any.Matrix<T>(count * Steps, Inputs, 3));
        // What is beyond does not matter where all that is asked for is a number of each sequence.
        if (kind != "lstm")
            for (var row = 0; row < x.RowCount; row++)
                if (row % Steps >= LengthOf(row / Steps)) x.SetRow(row, [T.NaN, T.NaN]);
        int[] lengths = [.. Enumerable.Range(0, count).Select(LengthOf)];
        if (kind == "attention") x = other;     // steps beyond see those that are there, and NaN would be in what they give
        var pass = model.NewPass(training: false);
        pass.SequenceLengths = lengths;
        var expected = model.Forward(x, pass).Clone();
        expected.AsColumnMajorArray().All(T.IsFinite).Should().BeTrue();
        expected.Should().NotBe(model.Forward(x), "lengths matter here");

        var predictor = model.ToPredictor(Inputs);
        var result = Matrix<T>.Build.Dense(expected.RowCount, expected.ColumnCount);
        for (var again = 0; again < 2; again++)
        {
            model.Predict(x, result, lengths);
            result.Should().Be(expected);
            result.Clear();
            predictor.Predict(x, result, lengths);
            result.Should().Be(expected);
            var values = new T[result.RowCount * result.ColumnCount];
            predictor.Predict(x.ToRowMajorArray(), values, lengths);
            values.Should().Equal(expected.ToRowMajorArray());

            // The next one has none.
            model.Predict(other, result);
            result.Should().Be(model.Forward(other));
            predictor.Predict(other).Should().Be(model.Forward(other));
        }

        foreach (var predict in (Action[])[() => model.Predict(x, result, lengths), () => predictor.Predict(x, result, lengths)])
        {
            predict();
            Allocation.Least(predict).Should().Be(0);
        }
    }

    /// <summary>One row is a sequence of one step to an attention, and comes by a door that knows no lengths.</summary>
    [Fact]
    public void A_row_that_is_predicted_next_has_no_lengths()
    {
        var model = new MultiheadAttention<T>(Inputs, 1, Steps, generator: new Generator(1));
        var (x, row, result) = (Any.Matrix<T>(3 * Steps, Inputs, 1), Any.Matrix<T>(1, Inputs, 2), new T[Inputs]);
        model.Predict(x, Matrix<T>.Build.Dense(3 * Steps, Inputs), (int[])[1, 4, 2]);
        model.Predict(row.ToRowMajorArray(), result);
        result.Should().Equal(model.Forward(row).ToRowMajorArray());
    }

    [Fact]
    public void Lengths_that_do_not_fit_a_prediction_are_refused_and_leave_nothing_behind()
    {
        foreach (var kind in (string[])["pooled", "linear first", "mean alone"])
        {
            var (model, x) = (Network(kind), Data(3, ofEachStep: false).X);
            var (predictor, expected) = (model.ToPredictor(Inputs), model.Forward(x));
            var result = expected.Clone();
            foreach (var (owner, predict) in ((object, Action<int[]>)[])[(model, lengths => model.Predict(x, result, lengths)), (predictor, lengths => predictor.Predict(x, result, lengths)),
                (predictor, lengths => predictor.Predict(x.ToRowMajorArray(), new T[result.RowCount * result.ColumnCount], lengths))])
            {
                foreach (var length in (int[])[0, -3, 5, int.MinValue]) Refused<ArgumentException>(() => predict([1, length, 4]), $"{owner} expects lengths from 1 to 4, but lengths[1] is {length}. (Parameter 'lengths')");
                foreach (var count in (int[])[5, 7, 13]) Refused<ArgumentException>(() => predict([.. Enumerable.Repeat(1, count)]), $"{owner} expects a length for each sequence of as many rows, but there are {count} for 12 rows. (Parameter 'lengths')");
                Refused<ArgumentException>(() => predict([6, 5]), "*expects a length for each of 3 sequences, but SequenceLengths has 2.*");
                result.Should().Be(expected);
                predict(null!);         // as an array that is null is empty, all have all
                predict([]);
                result.Should().Be(expected);
            }
        }

        // Who looks at rows alone has no use for lengths, and yet refuses what are none.
        var linear = new Linear<T>(Inputs, 1);
        Refused<ArgumentException>(() => linear.Predict(Any.Matrix<T>(6, Inputs, 1), Any.Matrix<T>(6, 1, 1), (int[])[2, 4]), "*lengths from 1 to 3, but lengths[1] is 4. (Parameter 'lengths')");
    }

    private static Trainer<T> NewTrainer(bool ofEachStep, BatchSource<T> source, int shards = 1, Samples<T>? validation = null)
    {
        var model = Model(ofEachStep);
        return new(model, new CrossEntropyLoss<T>(), new Adam<T>(model.Parameters, 0.02), source) { Shards = shards, Validation = validation };
    }

    private static Sequential<T> Model(bool ofEachStep)
    {
        var generator = new Generator(5);
        var model = new Sequential<T> { { "lstm", new LSTM<T>(Inputs, 5, Steps, bidirectional: true, generator: generator) } };
        if (!ofEachStep) model.Add("last", new LastStep<T>(Steps));
        model.Add("out", new Linear<T>(10, Classes, generator: generator));
        return model;
    }

    private static async IAsyncEnumerable<(T[] X, T[] Y)> InTime(IEnumerable<(T[] X, T[] Y)> rows)
    {
        foreach (var row in rows)
        {
            await Task.Yield();
            yield return row;
        }
    }

    private static void Refused<TException>(Func<object?> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);

    private static void Refused<TException>(Action act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);

    /// <summary>Writes what is there, leaves what is beyond as it is or full of rubbish, and tells the length.</summary>
    private sealed class Reader(Samples<T> samples) : IRowReader<T>
    {
        private readonly (T[] X, T[] Y)[] _rows = [.. Enumerable.Range(0, samples.Count).Select(i => Short(samples, i))];
        private int _next;

        public Func<int, T> Length { get; init; } = i => T.CreateChecked(LengthOf(i));

        public bool Read(Span<T> x, Span<T> y, CancellationToken cancellation)
        {
            if (_next == samples.Count) return false;
            var (xs, ys) = _rows[_next];
            if (x.Length == Inputs * Steps)
            {
                x.Clear();      // it is not asked for lengths
                y.Clear();
            }
            else if (_next % 2 == 0)
            {
                x.Fill(T.CreateChecked(99));
                y.Fill(T.CreateChecked(99));
            }

            xs.CopyTo(x);
            var weights = samples.Weights is null ? 0 : 1;
            ys.AsSpan(0, ys.Length - weights).CopyTo(y);
            if (weights > 0) y[^1] = ys[^1];
            if (x.Length > Inputs * Steps) x[^1] = Length(_next);
            _next++;
            return true;
        }

        public void Dispose() { }
    }
}

public sealed class LengthDoorsDoubleTests : LengthDoorsTests<double>;

public sealed class LengthDoorsSingleTests : LengthDoorsTests<float>;
