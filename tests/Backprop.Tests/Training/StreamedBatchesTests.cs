using System.Runtime.CompilerServices;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Streams: which batches come, that they are those of samples in memory, and what is said where a stream fails.</summary>
public abstract class StreamedBatchesTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static StreamedBatches<T> Of(Rows<T> rows, int batchSize, Generator? shuffle = null, int buffer = 1024, long? sampleCount = null, bool dropLast = false, int readAhead = 2, bool reopens = true) =>
        new(rows.Enumerate, Runs.Features, 1, batchSize, shuffle, dropLast, sampleCount) { ShuffleBuffer = buffer, ReadAhead = readAhead, Reopens = reopens };

    private static List<Batch<T>> Epoch(BatchSource<T> source)
    {
        source.Shuffle();
        var batches = new List<Batch<T>>();
        while (source.TryGather(batches.Count, out var batch)) batches.Add(new(batch.X.Clone(), batch.Y.Clone()));
        source.TryGather(batches.Count, out _).Should().BeFalse("the epoch stays over");
        return batches;
    }

    private static Trainer<T> NewTrainer(BatchSource<T> source)
    {
        var model = new Sequential<T> { new Linear<T>(Runs.Features, 4, generator: new Generator(1)), new Tanh<T>(), new Linear<T>(4, Runs.Classes, generator: new Generator(2)) };
        return new(model, new CrossEntropyLoss<T>(), new Adam<T>(model.Parameters, 0.02), source);
    }

    [Fact]
    public void Without_a_generator_a_stream_of_any_form_gives_the_batches_of_memory() => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 12], Gen.Int[1, 3], Gen.Bool).ForAll(sizes =>
    {
        var (count, batchSize, readAhead, known) = sizes;
        var samples = Runs.Samples<T>(count, 1);
        var rows = new Rows<T>(samples);
        var expected = new Batches<T>(samples, batchSize);
        foreach (var source in (StreamedBatches<T>[])
        [
            new(rows.Read, Runs.Features, 1, batchSize, sampleCount: known ? count : null) { ReadAhead = readAhead },
            new(rows.Enumerate, Runs.Features, 1, batchSize, sampleCount: known ? count : null) { ReadAhead = readAhead },
            new(() => rows.EnumerateInTime(), Runs.Features, 1, batchSize, sampleCount: known ? count : null) { ReadAhead = readAhead },
        ])
        {
            for (var epoch = 0; epoch < 2; epoch++)
            {
                var batches = Epoch(source);
                batches.Should().HaveCount(expected.Count);
                for (var i = 0; i < batches.Count; i++) (batches[i].X, batches[i].Y).Should().Be((expected.Gather(i).X, expected.Gather(i).Y));
            }

            source.Count.Should().Be(known ? expected.Count : null);
            rows.IsReleased.Should().BeTrue();
        }
    }, count: 40);

    [Fact]
    public void With_a_generator_each_row_comes_once_drawn_from_a_buffer_by_the_epochs_seed() => Gen.Select(Gen.Int[1, 60], Gen.Int[1, 12], Gen.Int[1, 80], Gen.Int[0, 1000]).ForAll(drawn =>
    {
        var (count, batchSize, buffer, seed) = drawn;
        var x = Matrix<T>.Build.Dense(count, Runs.Features, (i, _) => T.CreateChecked(i));
        var rows = new Rows<T>(new(x, x.SubMatrix(0, count, 0, 1)));
        var (source, seeds) = (Of(rows, batchSize, new Generator(seed), buffer), new Generator(seed));
        for (var epoch = 0; epoch < 2; epoch++)
        {
            // By hand: a list that is filled up before each draw, whose last row takes the place of the one that is drawn.
            var draws = new Generator((long)Uniform(seeds, 1L << 32));
            var (expected, held, next) = (new List<int>(), new List<int>(), 0);
            while (true)
            {
                while (held.Count < buffer && next < count) held.Add(next++);
                if (held.Count == 0) break;
                var at = held.Count == 1 ? 0 : (int)Uniform(draws, held.Count);
                expected.Add(held[at]);
                held[at] = held[^1];
                held.RemoveAt(held.Count - 1);
            }

            var came = Epoch(source).SelectMany(batch => batch.X.Column(0).Zip(batch.Y.Column(0))).ToArray();
            came.Select(row => int.CreateChecked(row.First)).Should().Equal(expected);
            came.Should().OnlyContain(row => row.First.Equals(row.Second), "a row keeps its target");
            expected.Order().Should().Equal(Enumerable.Range(0, count));
        }

        static double Uniform(Generator generator, double to)
        {
            var value = new double[1];
            generator.Uniform(value.AsSpan(), 0, to);
            return value[0];
        }
    }, count: 100);

    [Fact]
    public void Only_the_seed_and_the_buffer_change_the_order()
    {
        var rows = new Rows<T>(Runs.Samples<T>(50, 1));
        string Order(int seed, int buffer, int readAhead) => string.Join(' ', Epoch(Of(rows, 7, new Generator(seed), buffer, readAhead: readAhead)).SelectMany(batch => batch.X.Column(0)));
        Order(1, 20, 1).Should().Be(Order(1, 20, 5)).And.NotBe(Order(2, 20, 1)).And.NotBe(Order(1, 21, 1)).And.NotBe(Order(1, 1, 1));
    }

    [Fact]
    public void A_training_from_a_stream_has_the_bits_of_one_from_memory()
    {
        var samples = Runs.Samples<T>(50, 1);
        var (streamed, inMemory) = (NewTrainer(new StreamedBatches<T>(new Rows<T>(samples).Read, Runs.Features, 1, 8)), NewTrainer(new Batches<T>(samples, 8)));
        streamed.Fit(3).ToString().Should().Be(inMemory.Fit(3).ToString());
        Runs.Model(streamed.Model).Should().Be(Runs.Model(inMemory.Model));
    }

    [Fact]
    public void Weights_follow_the_targets()
    {
        var data = Runs.Samples<T>(50, 1);
        var weights = Matrix<T>.Build.Dense(50, 1, (i, _) => T.CreateChecked(i % 4 * 0.5));
        IEnumerable<(T[] X, T[] Y)> Weighted(T bad) => Enumerable.Range(0, 50).Select(i => (data.X.Row(i).ToArray(), (T[])[data.Y[i, 0], i == 17 ? bad : weights[i, 0]]));

        var streamed = NewTrainer(new StreamedBatches<T>(() => Weighted(weights[17, 0]), Runs.Features, 1, 8) { Weighted = true });
        var inMemory = NewTrainer(new Batches<T>(new Samples<T>(data.X, data.Y, weights: weights), 8));
        streamed.Fit(3).ToString().Should().Be(inMemory.Fit(3).ToString());
        Runs.Model(streamed.Model).Should().Be(Runs.Model(inMemory.Model));

        foreach (var bad in (double[])[-0.5, double.PositiveInfinity])
            Refused<InvalidDataException>(() => NewTrainer(new StreamedBatches<T>(() => Weighted(T.CreateChecked(bad)), Runs.Features, 1, 8) { Weighted = true }).Fit(1),
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"*StreamedBatches expects weights that are finite and at least 0, but that of row 17, counted from 0, is {bad}."));
        Refused<InvalidDataException>(() => NewTrainer(new StreamedBatches<T>(() => Weighted(T.One), Runs.Features, 1, 8)).Fit(1), "*StreamedBatches expects 1 values of y, but row 0, counted from 0, has 2.");
    }

    [Fact]
    public void Samples_of_several_rows_come_whole()
    {
        var data = new Samples<T>(Any.Matrix<T>(30, 4, 1), Any.Matrix<T>(20, 2, 2), 3, 2);
        var source = new StreamedBatches<T>(new Rows<T>(data).Enumerate, 4, 2, batchSize: 4, inputRows: 3, targetRows: 2);
        var expected = new Batches<T>(data, 4);
        var batches = Epoch(source);
        batches.Should().HaveCount(3);
        for (var i = 0; i < 3; i++) (batches[i].X, batches[i].Y).Should().Be((expected.Gather(i).X, expected.Gather(i).Y));
    }

    [Fact]
    public void An_epoch_that_is_told_its_number_takes_no_more_of_a_stream_without_end()
    {
        var (read, rows) = (0, Runs.Samples<T>(7, 1));
        IEnumerable<(T[] X, T[] Y)> Endless()
        {
            while (true) yield return ([.. rows.X.Row(read % 7)], [.. rows.Y.Row(read++ % 7)]);
        }

        var source = new StreamedBatches<T>(Endless, Runs.Features, 1, 4, new Generator(1), sampleCount: 10);
        Epoch(source).Sum(batch => batch.X.RowCount).Should().Be(10);
        read.Should().Be(10);
        Epoch(new StreamedBatches<T>(Endless, Runs.Features, 1, 4, new Generator(1), dropLast: true, sampleCount: 10)).Should().HaveCount(2);
    }

    public static TheoryData<string, int, string> Failures => new()
    {
        { "ends", 2, "In epoch 2, batch 4: StreamedBatches expects 30 rows, but the stream ended after 17." },
        { "throws", 2, "In epoch 2, batch 4: StreamedBatches expects another row, but row 17, counted from 0, could not be read: the disk is gone." },
        { "wide", 2, "In epoch 2, batch 4: StreamedBatches expects 6 values of x, but row 17, counted from 0, has 7." },
        { "narrow", 2, "In epoch 2, batch 4: StreamedBatches expects 1 values of y, but row 17, counted from 0, has 0." },
        { "null", 2, "In epoch 2, batch 4: StreamedBatches expects 6 values of x, but row 17, counted from 0, has none." },
        { "NaN", 2, "In epoch 2, batch 4: StreamedBatches expects numbers, but row 17, counted from 0, has NaN as value 3 of x." },
        { "infinite", 2, "In epoch 2, batch 4: StreamedBatches expects numbers, but row 17, counted from 0, has Infinity as value 2 of x." },
        { "NaN target", 2, "In epoch 2, batch 4: StreamedBatches expects numbers, but row 17, counted from 0, has NaN as value 0 of y." },
        { "no start", 2, "In epoch 2, batch 1: StreamedBatches expects a stream that can be opened and closed, but it could not: no such file." },
        { "no end", 1, "In epoch 1, batch 7: StreamedBatches expects another row, but row 30, counted from 0, could not be read: it hangs." },
    };

    [Theory, MemberData(nameof(Failures))]
    public void A_stream_that_fails_says_where_and_leaves_the_last_whole_step(string what, int epoch, string message)
    {
        var rows = new Rows<T>(Runs.Samples<T>(30, 1));
        var (isBroken, opened) = (true, 0);
        StreamedBatches<T> Source(bool breaks) => new(() => Failing(breaks), Runs.Features, 1, 5, sampleCount: what == "ends" ? 30 : null);

        IEnumerable<(T[] X, T[] Y)> Failing(bool breaks)
        {
            var fails = breaks && isBroken && ++opened == epoch;
            if (fails && what == "no start") throw new FileNotFoundException("no such file.");
            return Enumerated();

            IEnumerable<(T[] X, T[] Y)> Enumerated()
            {
                try
                {
                    var i = 0;
                    foreach (var (x, y) in rows.Enumerate())
                    {
                        if (!fails || i++ != 17)
                        {
                            yield return (x, y);
                            continue;
                        }

                        switch (what)
                        {
                            case "ends": yield break;
                            case "throws": throw new IOException("the disk is gone.");
                            case "wide": yield return ([.. x, T.One], y); break;
                            case "narrow": yield return (x, []); break;
                            case "null": yield return (null!, y); break;
                            case "NaN": yield return ([.. x[..3], T.NaN, .. x[4..]], y); break;
                            case "infinite": yield return ([.. x[..2], T.PositiveInfinity, .. x[3..]], y); break;
                            case "NaN target": yield return (x, [T.NaN]); break;
                            default: yield return (x, y); break;
                        }
                    }
                }
                finally
                {
                    HangIf(fails && what == "no end");
                }
            }
        }

        var expected = NewTrainer(Source(breaks: false));
        var states = new List<string>();
        expected.Fit(3, told => states.Add(Runs.Model(expected.Model)));

        var trainer = NewTrainer(Source(breaks: true));
        var last = "";
        var told = trainer.Invoking(t => t.Fit(3, _ => last = Runs.Model(t.Model))).Should().Throw<InvalidDataException>().WithMessage(message).Which;
        if (what == "throws") told.InnerException.Should().BeOfType<IOException>();
        Runs.Model(trainer.Model).Should().Be(last);
        states.Should().Contain(last);
        rows.IsReleased.Should().BeTrue();

        // Once it is mended, the training goes on where it was.
        isBroken = false;
        trainer.Fit(3);
        Runs.Bits(trainer).Should().Be(Runs.Bits(expected));
        rows.IsReleased.Should().BeTrue();
    }

    [Fact]
    public void A_stream_of_nothing_or_of_less_than_a_batch_is_refused()
    {
        var rows = new Rows<T>(Runs.Samples<T>(3, 1)) { Count = 0 };
        Refused<InvalidDataException>(() => NewTrainer(Of(rows, 2)).Fit(1), "In epoch 1, batch 1: StreamedBatches expects at least one row, but the stream has none.");
        rows.Count = 3;
        Refused<InvalidDataException>(() => NewTrainer(Of(rows, 4, dropLast: true)).Fit(1), "In epoch 1, batch 1: StreamedBatches expects at least 4 rows where a smaller last batch is dropped, but the stream has 3.");
        Refused<InvalidDataException>(() => NewTrainer(new StreamedBatches<T>(() => (IRowReader<T>)null!, Runs.Features, 1, 4)).Fit(1), "*StreamedBatches expects a stream, but it was opened as null.");
        Refused<InvalidDataException>(() => NewTrainer(new StreamedBatches<T>(() => (IEnumerable<(T[], T[])>)null!, Runs.Features, 1, 4)).Fit(1), "*but it could not: it was opened as null.");
        Refused<InvalidDataException>(() => NewTrainer(new StreamedBatches<T>(() => new Idle(), Runs.Features, 1, 4)).Fit(1), "*StreamedBatches expects numbers, but row 0, counted from 0, has NaN as value 0 of x.");
        Refused<InvalidDataException>(() => NewTrainer(new StreamedBatches<T>(() => new Stuck(), Runs.Features, 1, 4)).Fit(1), "In epoch 1, batch 2: StreamedBatches expects a stream that can be opened and closed, but it could not: it hangs.");
        rows.IsReleased.Should().BeTrue();
    }

    [Fact]
    public void However_Fit_ends_no_thread_and_no_stream_stays_open()
    {
        foreach (var inTime in (bool[])[false, true])
        {
            var rows = new Rows<T>(Runs.Samples<T>(40, 1));
            Trainer<T> New() => NewTrainer(inTime ? new StreamedBatches<T>(() => rows.EnumerateInTime(), Runs.Features, 1, 4, new Generator(1)) : Of(rows, 4, new Generator(1)));

            New().Fit(2);
            rows.IsReleased.Should().BeTrue();
            New().Fit(2, told => told.Stop());
            rows.IsReleased.Should().BeTrue();
            New().Invoking(t => t.Fit(2, _ => throw new InvalidOperationException("stop"))).Should().Throw<InvalidOperationException>();
            rows.IsReleased.Should().BeTrue();
            using var cancellation = new CancellationTokenSource();
            New().Invoking(t => t.Fit(2, _ => cancellation.Cancel(), cancellation.Token)).Should().Throw<OperationCanceledException>();
            rows.IsReleased.Should().BeTrue();
            rows.Opened.Should().BeGreaterThan(3);
        }
    }

    [Fact]
    public void A_stream_that_never_answers_can_be_cancelled()
    {
        var (opened, closed) = (new ManualResetEventSlim(), false);
        async IAsyncEnumerable<(T[] X, T[] Y)> Silent([EnumeratorCancellation] CancellationToken cancellation = default)
        {
            try
            {
                opened.Set();
                await Task.Delay(Timeout.Infinite, cancellation);
                yield break;
            }
            finally
            {
                closed = true;
            }
        }

        using var cancellation = new CancellationTokenSource();
        var trainer = NewTrainer(new StreamedBatches<T>(() => Silent(), Runs.Features, 1, 4));
        using var timer = new Timer(_ =>
        {
            opened.Wait();
            cancellation.Cancel();
        }, null, 1, Timeout.Infinite);
        trainer.Invoking(t => t.Fit(1, cancellation: cancellation.Token)).Should().Throw<OperationCanceledException>();
        closed.Should().BeTrue();
    }

    [Fact]
    public void Rows_that_are_others_than_before_are_found_when_a_training_goes_on()
    {
        var rows = new Rows<T>(Runs.Samples<T>(40, 1));
        var saved = NewTrainer(Of(rows, 4, new Generator(1), buffer: 8));
        saved.Fit(2, told =>
        {
            if (told is { Epoch: 2, Batch: 5 }) told.Stop();
        });
        using var file = new MemoryStream();
        saved.SaveCheckpoint(file);
        Trainer<T> Resumed()
        {
            var trainer = NewTrainer(Of(rows, 4, new Generator(1), buffer: 8));
            file.Position = 0;
            trainer.LoadCheckpoint(file);
            return trainer;
        }

        foreach (var row in (int[])[0, 13, 26])
        {
            rows.Before = (i, x, _) => x[2] += i == row ? T.CreateChecked(1e-3) : T.Zero;
            var trainer = Resumed();
            var before = Runs.Model(trainer.Model);
            for (var attempt = 0; attempt < 2; attempt++)
                Refused<InvalidDataException>(() => trainer.Fit(2), "In epoch 2, batch 6: StreamedBatches expects the same 27 rows that this epoch began with before, but those that come now are others.");
            Runs.Model(trainer.Model).Should().Be(before);
        }

        rows.Before = null;
        foreach (var count in (int[])[0, 12, 26])
        {
            rows.Count = count;
            Refused<InvalidDataException>(() => Resumed().Fit(2), "In epoch 2, batch 6: StreamedBatches expects the same 27 rows *");
        }

        rows.Count = 40;
        rows.Before = (i, x, _) => x[2] += i == 27 ? T.CreateChecked(1e-3) : T.Zero;       // of which nobody has seen anything yet
        Resumed().Fit(2);
        rows.IsReleased.Should().BeTrue();
    }

    [Fact]
    public void A_stream_that_comes_once_trains_and_is_saved_between_epochs()
    {
        var rows = new Rows<T>(Runs.Samples<T>(20, 1));
        StreamedBatches<T> Source() => Of(rows, 4, new Generator(1), reopens: false);
        var trainer = NewTrainer(Source());
        var refused = 0;
        trainer.Fit(2, told =>
        {
            using var file = new MemoryStream();
            if (told.Moment == TrainingMoment.BatchEnd)
            {
                Refused<InvalidOperationException>(() => trainer.SaveCheckpoint(file), "StreamedBatches cannot be kept in the middle of an epoch, since its rows do not come again: save between two epochs, or set Reopens where they do.");
                refused++;
                return;
            }

            trainer.SaveCheckpoint(file);
            file.Position = 0;
            NewTrainer(Source()).LoadCheckpoint(file).Should().Be(ResumeChanges.None);
        });
        refused.Should().Be(10);

        // Interrupted, it goes on with what comes next.
        trainer.Fit(3, told => told.Stop());
        (trainer.Epoch, trainer.Batch).Should().Be((2, 1));
        trainer.Fit(3).Epochs.Should().HaveCount(3);
        rows.IsReleased.Should().BeTrue();

        var counted = NewTrainer(Of(rows, 4, new Generator(1), sampleCount: 20, reopens: false));
        counted.Fit(1, told => told.Stop());
        var steps = 1;
        counted.Fit(1, told => steps += told.Moment == TrainingMoment.BatchEnd ? 1 : 0);
        steps.Should().Be(5);
    }

    [Fact]
    public void Other_streams_are_others_on_resume()
    {
        var rows = new Rows<T>(Runs.Samples<T>(20, 1));
        using var file = new MemoryStream();
        NewTrainer(Of(rows, 4, new Generator(1), buffer: 8)).SaveCheckpoint(file);
        foreach (var (source, message) in ((BatchSource<T>, string)[])
        [
            (Of(rows, 4, new Generator(1), buffer: 9), "*\n  training shuffle buffer: 8 there, 9 here; ResumeChanges.Samples allows it"),
            (Of(rows, 4, new Generator(1), buffer: 8, sampleCount: 20), "*\n  training samples: streamed, 6 -> 1 there, streamed, 20x6 -> 1 here; ResumeChanges.Samples allows it"),
            (new Batches<T>(Runs.Samples<T>(20, 1), 4, new Generator(1)), "*training samples: streamed, 6 -> 1 there, 20x6 -> 20x1, * here;*"),
        ])
        {
            file.Position = 0;
            var trainer = NewTrainer(source);
            Refused<InvalidDataException>(() => trainer.LoadCheckpoint(file), message);
            file.Position = 0;
            trainer.LoadCheckpoint(file, ResumeChanges.Samples).Should().Be(ResumeChanges.Samples);
            trainer.Fit(1);
        }
    }

    [Fact]
    public void Rows_and_batches_allocate_nothing_on_either_thread()
    {
        var rows = new Rows<T>(Runs.Samples<T>(3000, 1));
        var source = new StreamedBatches<T>(rows.Read, Runs.Features, 1, 8, new Generator(1)) { ShuffleBuffer = 100 };
        long least = long.MaxValue, leastOfReader = long.MaxValue;
        for (var epoch = 0; epoch < 5; epoch++)
        {
            source.Shuffle();
            for (var i = 0; i < 50; i++) source.TryGather(i, out _);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 50; i < 350; i++) source.TryGather(i, out _);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            source.Release();
            leastOfReader = Math.Min(leastOfReader, rows.Allocated[2500] - rows.Allocated[500]);
        }

        (least, leastOfReader).Should().Be((0, 0));
    }

    [Fact]
    public void What_cannot_be_streamed_is_refused()
    {
        var rows = new Rows<T>(Runs.Samples<T>(5, 1));
        Refused<ArgumentNullException>(() => new StreamedBatches<T>((Func<IRowReader<T>>)null!, 1, 1, 1), "*(Parameter 'open')");
        Refused<ArgumentNullException>(() => new StreamedBatches<T>((Func<IEnumerable<(T[], T[])>>)null!, 1, 1, 1), "*(Parameter 'open')");
        Refused<ArgumentNullException>(() => new StreamedBatches<T>((Func<IAsyncEnumerable<(T[], T[])>>)null!, 1, 1, 1), "*(Parameter 'open')");
        Refused<ArgumentOutOfRangeException>(() => new StreamedBatches<T>(rows.Read, 0, 1, 1), "StreamedBatches expects inputs to be at least 1. (Parameter 'inputs')*");
        Refused<ArgumentOutOfRangeException>(() => new StreamedBatches<T>(rows.Read, 1, 0, 1), "StreamedBatches expects targets to be at least 1. (Parameter 'targets')*");
        Refused<ArgumentOutOfRangeException>(() => new StreamedBatches<T>(rows.Read, 1, 1, 0), "StreamedBatches expects batchSize to be at least 1. (Parameter 'batchSize')*");
        Refused<ArgumentOutOfRangeException>(() => new StreamedBatches<T>(rows.Read, 1, 1, 1, inputRows: 0), "StreamedBatches expects inputRows to be at least 1. (Parameter 'inputRows')*");
        Refused<ArgumentOutOfRangeException>(() => new StreamedBatches<T>(rows.Read, 1, 1, 1, targetRows: 0), "StreamedBatches expects targetRows to be at least 1. (Parameter 'targetRows')*");
        Refused<ArgumentOutOfRangeException>(() => new StreamedBatches<T>(rows.Read, 1, 1, 1, sampleCount: 0), "StreamedBatches expects sampleCount to be at least 1, but it is 0. (Parameter 'sampleCount')");
        Refused<ArgumentException>(() => new StreamedBatches<T>(rows.Read, 1, 1, 4, dropLast: true, sampleCount: 3), "StreamedBatches expects at least 4 samples where a smaller last batch is dropped, but there are 3. (Parameter 'batchSize')");
        Refused<ArgumentOutOfRangeException>(() => Of(rows, 2, buffer: int.MaxValue), "StreamedBatches expects ShuffleBuffer to be of fewer values than an array has room for, but it is 2147483647. (Parameter 'ShuffleBuffer')*");
        Refused<ArgumentOutOfRangeException>(() => Of(rows, 2, buffer: 0), "StreamedBatches expects ShuffleBuffer to be at least 1. (Parameter 'ShuffleBuffer')*");
        Refused<ArgumentOutOfRangeException>(() => Of(rows, 2, readAhead: 0), "StreamedBatches expects ReadAhead to be at least 1. (Parameter 'ReadAhead')*");
        var source = Of(rows, 2);
        source.Shuffle();
        Refused<ArgumentOutOfRangeException>(() => source.TryGather(1, out _), "StreamedBatches expects the index 0, since batches come one after the other. (Parameter 'index')*");
        Refused<InvalidOperationException>(() => source.GetState(2), "StreamedBatches expects to be kept before batch 0, which comes next, but it is asked for batch 2.");
        foreach (var state in (long[][])[[], [1, 2], [-1, 0, 0], [1, -1, 0], [1L << 32, 0, 0]])
            Refused<ArgumentException>(() =>
            {
                source.SetState(0, new Dictionary<string, long[]> { ["stream"] = state });
                return 0;
            }, "StreamedBatches expects a seed, a number of rows and their hash, but this is none. (Parameter 'state')");
    }

    private static void Refused<TException>(Func<object?> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);

    private static void Refused<TException>(Action act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);

    private static void HangIf(bool hangs)
    {
        if (hangs) throw new IOException("it hangs.");
    }

    private sealed class Idle : IRowReader<T>
    {
        public bool Read(Span<T> x, Span<T> y, CancellationToken cancellation) => true;

        public void Dispose() { }
    }

    private sealed class Stuck : IRowReader<T>
    {
        private int _left = 3;

        public bool Read(Span<T> x, Span<T> y, CancellationToken cancellation)
        {
            x.Fill(T.One);
            y.Fill(T.One);
            return _left-- > 0;
        }

        public void Dispose() => throw new IOException("it hangs.");
    }
}

public sealed class StreamedBatchesDoubleTests : StreamedBatchesTests<double>;

public sealed class StreamedBatchesSingleTests : StreamedBatchesTests<float>;
