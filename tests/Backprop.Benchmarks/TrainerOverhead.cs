using System.Globalization;
using MathNet.Numerics;

namespace Backprop.Benchmarks;

/// <summary>The command <c>trainer</c>: what a <see cref="Trainer{T}"/> costs beside the loop that one would write by hand, 64-32-10 in batches of 32, taking turns.</summary>
internal static class TrainerOverhead
{
    private const int BatchSize = 32, Batches = 100;

    public static int Run(int runs, double seconds)
    {
        Control.MaxDegreeOfParallelism = 1;
        var ratios = new List<double>();
        for (var run = 1; run <= runs; run++)
        {
            using Side trainer = new Trained(), loop = new Looped();
            var turns = Turns.Take(seconds, 1, cpuTime: false, trainer, loop);
            ratios.Add(turns.Ratio(0, to: 1).Median);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"run {run}: a step {turns.Seconds(0) / Batches * 1e6:F2} us in the trainer, {turns.Seconds(1) / Batches * 1e6:F2} us by hand, {ratios[^1]:F3} times"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median of {runs} runs: {ratios.Order().ElementAt(runs / 2):F3} times; least {ratios.Min():F3}, most {ratios.Max():F3}"));
        return 0;
    }

    private abstract class Side : ISide
    {
        protected Batches<float> Source { get; } = new(Data.Uniform<float>(BatchSize * Batches, 64, 1), Data.Uniform<float>(BatchSize * Batches, 1, 2).Map(value => value < 0 ? 3f : 7f), BatchSize, new Generator(3));

        protected Sequential<float> Model { get; } = new Network(BatchSize, 64, 32, 10).NewModel<float>();

        protected CrossEntropyLoss<float> Loss { get; } = new();

        public abstract void Run(int times);

        public void Dispose() { }
    }

    private sealed class Trained : Side
    {
        private readonly Trainer<float> _trainer;

        public Trained() => _trainer = new(Model, Loss, new Adam<float>(Model.Parameters), Source);

        public override void Run(int times) => _trainer.Fit(_trainer.Epoch + times);
    }

    private sealed class Looped : Side
    {
        private readonly Adam<float> _adam;
        private readonly ForwardPass<float> _pass;
        private readonly MathNet.Numerics.LinearAlgebra.Matrix<float> _dY = MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.Dense(BatchSize, 10);

        public Looped() => (_adam, _pass) = (new(Model.Parameters), Model.NewPass());

        public double LastLoss { get; private set; }

        public override void Run(int times)
        {
            for (var epoch = 0; epoch < times; epoch++)
            {
                Source.Shuffle();
                var sum = 0.0;
                for (var i = 0; i < Source.Count; i++)
                {
                    var (x, y) = Source.Gather(i);
                    var yHat = Model.Forward(x, _pass);
                    sum += Loss.Forward(yHat, y);
                    _adam.ZeroGradients();
                    Model.AccumulateGradients(_pass, Loss.Backward(yHat, y, _dY));
                    _adam.Step();
                }

                LastLoss = sum / Source.Count;
            }
        }
    }
}
