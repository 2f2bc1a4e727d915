using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public sealed class SettingsTests
{
    private enum Mode { First, Second }

    [Fact]
    public void What_never_changes_is_a_setting_without_being_named()
    {
        var layer = new Silent(0.5, [1, 2, 3]) { Sign = -1, Extra = null };
        layer.Count++;
        Settings.Of(layer).Should().BeEquivalentTo(new Dictionary<string, string>
        {
            ["type"] = "Backprop.Tests.SettingsTests.Silent",
            ["slope"] = "0.5",
            ["weights"] = "[1, 2, 3]",
            ["sign"] = "-1",
            ["extra"] = "none",
            ["mode"] = "Second",
            ["name"] = "né",
            ["range"] = "(0, 0.1)",
            ["grid"] = "2x2 [1, 2, 3, 4]",
            ["vector"] = "[0.1, 0.2]",
            ["matrix"] = "1x2 [0.1, 0.2]",
            ["list"] = "[7, 8]",
            ["single"] = "0.1",
            ["on"] = "yes",
            ["base"] = "3",
            ["Below.base"] = "4",
            ["inner type"] = "Backprop.HuberLoss",
            ["inner text"] = "HuberLoss(delta: 0.5)",
            ["inner delta"] = "0.5",
            ["inner reduction"] = "Mean",
        });
    }

    [Fact]
    public void A_vectorized_activation_has_its_own_fields_beside_the_formulas_constants()
    {
        var settings = Settings.Of(new Steep(3, 7));
        settings["slope"].Should().Be("3");
        settings["order"].Should().Be("7");
    }

    private sealed class Steep(double slope, int order) : VectorizedActivation<double>(Of(new Function(slope)))
    {
        public int Order { get; } = order;

        private readonly struct Function(double slope) : IFunction
        {
            public V Forward<V>(V x) where V : unmanaged, IVector<V, double> => slope * x;

            public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, double> => slope * dY;
        }
    }

    [Fact]
    public void Of_many_numbers_each_counts()
    {
        var values = Enumerable.Range(0, 1000).Select(i => i / 7.0).ToArray();
        var one = Settings.Of(new Silent(0.5, values))["weights"];
        one.Should().StartWith("[1000 values, ");
        for (var i = 0; i < values.Length; i += 111)
        {
            double[] other = [.. values];
            other[i] = Math.BitIncrement(other[i]);
            Settings.Of(new Silent(0.5, other))["weights"].Should().NotBe(one);
        }

        Settings.Of(new Silent(0.5, [.. values]))["weights"].Should().Be(one);
    }

    [Fact]
    public void A_description_of_its_own_takes_the_place_of_the_fields()
    {
        Settings.Of(new Spoken(-0.5)).Should().BeEquivalentTo(new Dictionary<string, string>
        {
            ["type"] = "Backprop.Tests.SettingsTests.Spoken",
            ["text"] = "Spoken aloud",
            ["number"] = "-0.5",
            ["count"] = "-3",
            ["missing"] = "none",
            ["there"] = "2",
            ["on"] = "no",
            ["mode"] = "First",
            ["text?"] = "\\0 �",
            ["numbers"] = "[1.5, 2.5]",
            ["reduction"] = "Mean",
        });
        var twice = () => Settings.Of(new Twice());
        twice.Should().Throw<ArgumentException>().WithMessage("The setting \"a\" is there already; settings have names that are different from each other. (Parameter 'name')");
    }

    /// <summary>Names and values of 0.2 stay in every later 0.x: else its checkpoints would be refused. Where a field is renamed, Describe keeps the name.</summary>
    [Fact]
    public void The_settings_of_version_0_2_are_still_said_in_the_same_words()
    {
        string[] now =
        [
            .. Everything.Layers.Select(layer => Settings.Of(layer)).Concat(Everything.Losses.Select(loss => Settings.Of(loss))).Concat(Everything.Metrics.Select(metric => Settings.Of(metric)))
                .Concat(Everything.Schedulers().Select(scheduler => Settings.Of(scheduler))).Select(settings => string.Join("; ", settings.Select(setting => $"{setting.Key}: {setting.Value}"))),
        ];
        if (Environment.GetEnvironmentVariable("BACKPROP_FIXTURES") is { Length: > 0 } directory) File.WriteAllLines(Path.Combine(directory, "settings-0.2.txt"), now);
        var then = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "settings-0.2.txt"));
        now.Should().Contain(then);
    }

    private abstract class Below(int @base) : Layer<double>
    {
        private readonly int _base = @base;

        public int Base => _base;
    }

    private sealed class Silent(double slope, double[] weights) : Below(4)
    {
        private readonly int _base = 3;
        private readonly Mode _mode = Mode.Second;
        private readonly string _name = "né";
        private readonly (int, double) _range = (0, 0.1);
        private readonly int[,] _grid = { { 1, 2 }, { 3, 4 } };
        private readonly Vector<double> _vector = Vector<double>.Build.Dense([0.1, 0.2]);
        private readonly Matrix<double> _matrix = Matrix<double>.Build.Dense(1, 2, [0.1, 0.2]);
        private readonly List<int> _list = [7, 8];
        private readonly float _single = 0.1f;
        private readonly bool _on = true;
        private readonly Loss<double> _inner = new HuberLoss<double>(delta: 0.5);
        private readonly Func<double, double> _function = x => x;
        private readonly Generator _generator = new(1);
        private readonly object _lock = new();

        public double Sign { get; init; } = 1;

        public double? Extra { get; init; }

        /// <summary>State, and no setting.</summary>
        public int Count { get; set; }

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) =>
            x * slope * weights[0] * _function(_base + _range.Item1 + _grid[0, 0] + _vector[0] + _matrix[0, 0] + _list[0] + _single) * (_on && _mode == Mode.Second && _lock != null ? _name.Length : _generator.Seed) * _inner.GetHashCode();

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => dY;
    }

    private sealed class Spoken(double number) : Loss<double>
    {
        private readonly double[] _scratch = [number];

        public override string ToString() => "Spoken aloud";

        protected override void Describe(Settings settings)
        {
            settings.Add("number", number);
            settings.Add("count", -3);
            settings.Add("missing", (double?)null);
            settings.Add("there", (double?)2);
            settings.Add("on", false);
            settings.Add("mode", Mode.First);
            settings.Add("text?", "\0 \ud800");
            settings.Add<float>("numbers", [1.5f, 2.5f]);
        }

        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => _scratch[0];

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) => dPrediction.Clear();
    }

    private sealed class Twice : Metric<double>
    {
        public override string Name => "twice";

        protected override void Describe(Settings settings)
        {
            settings.Add("a", 1);
            settings.Add("a", 2);
        }

        protected override double Measure(Matrix<double> prediction, Matrix<double> target) => 0;
    }
}
