using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Outside;

/// <summary>A source of batches that is written outside of the library trains as one inside does, and is resumed in the middle of an epoch.</summary>
public sealed class SourceTests
{
    private static readonly Matrix<double> X = Pairs.Any<double>(17, 3, 1), Y = Pairs.Any<double>(17, 1, 2);

    [Fact]
    public void It_gives_the_same_bits_and_resumes()
    {
        var inside = NewTrainer(generator => new Batches<double>(X, Y, 4, generator));
        inside.Fit(4);
        var outside = NewTrainer(generator => new OwnBatches(4, generator));
        outside.Fit(4, told =>
        {
            if (told is { Epoch: 3, Batch: 2 }) told.Stop();
        });
        using var file = new MemoryStream();
        outside.SaveCheckpoint(file);
        file.Position = 0;
        outside = NewTrainer(generator => new OwnBatches(4, generator));
        outside.LoadCheckpoint(file);
        outside.Fit(4);
        foreach (var (mine, theirs) in outside.Model.Parameters.Zip(inside.Model.Parameters)) mine.Values.ToArray().Should().Equal(theirs.Values.ToArray());
    }

    private static Trainer<double> NewTrainer(Func<Generator, BatchSource<double>> source)
    {
        var generator = new Generator(3);
        var model = new Backprop.Linear<double>(3, 1, generator: generator);
        return new(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.1), source(generator));
    }

    private sealed class OwnBatches(int batchSize, Generator generator) : BatchSource<double>(batchSize, generator)
    {
        private int[] _order = [];

        public override long? SampleCount => X.RowCount;

        public override void Shuffle() => _order = Generator!.Permutation(X.RowCount);

        public override bool TryGather(int index, out Batch<double> batch, CancellationToken cancellation = default)
        {
            var rows = _order.Skip(index * BatchSize).Take(BatchSize).ToArray();
            batch = rows.Length == 0 ? default : new(Matrix<double>.Build.DenseOfRowVectors(rows.Select(i => X.Row(i))), Matrix<double>.Build.DenseOfRowVectors(rows.Select(i => Y.Row(i))));
            return rows.Length > 0;
        }

        public override IReadOnlyDictionary<string, long[]> GetState(int batch) => new Dictionary<string, long[]> { ["rows"] = [.. _order] };

        public override void SetState(int batch, IReadOnlyDictionary<string, long[]> state) => _order = Array.ConvertAll(state["rows"], row => (int)row);

        protected override void Describe(Settings settings) => settings.Add("samples", "own");
    }
}
