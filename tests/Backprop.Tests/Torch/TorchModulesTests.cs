using System.Numerics;
using Backprop.Tests.Docs;
using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

[NeedsTorch]
public sealed class TorchModulesTests
{
    private static readonly IReadOnlyList<Case<double>> Cases = Catalogue.Of<double>();

    public static TheoryData<int> All => [.. Enumerable.Range(0, Cases.Count)];

    [Theory]
    [MemberData(nameof(All))]
    public void A_module_of_each_layer_computes_learns_and_comes_back_as_the_layer_does(int index)
    {
        var one = Cases[index];
        var layer = one.Layer.Clone();
        using var module = layer.ToTorch();
        var x = one.Input(4, index + 1000);      // not what its statistics are of
        using (no_grad())
        {
            module.eval();
            using var input = x.ToTensor();
            using var evaluated = module.call(input);
            Agree("y, evaluating", layer.Forward(x), evaluated);
        }

        // It comes back as the same layer, with the same values.
        var back = TorchModules.FromTorch<double>(module);
        $"{back}".Should().Be($"{layer}");
        Runs.ModelState(back).Should().Be(Runs.ModelState(layer));
        back.Parameters.Intersect(layer.Parameters).Should().BeEmpty();
        back.Forward(x).Should().Be(layer.Forward(x));

        // Masks are drawn by another generator there.
        if (one.Kind is "Impute" || Draws(layer)) return;
        module.train();
        using var learning = x.ToTensor(requiresGradient: one.Classes == 0);
        using var y = module.call(learning);
        var pass = layer.NewPass();
        Agree("y", layer.Forward(x, pass), y);
        var dY = Any.Matrix<double>((int)y.shape[0], (int)y.shape[1], index);
        if (y.requires_grad) y.backward([dY.ToTensor()]);
        var dX = layer.Backward(pass, dY);
        // PyTorch's hardsigmoid divides gradients by 6 in float, in double, too.
        if (one.Classes == 0) Agree("dL/dx", dX, learning.grad!, one.Kind == "Hardsigmoid" ? 1e-7 : 1e-10);

        // A step there is a step here, statistics included.
        if (layer.Parameters.Count > 0)
        {
            using var theirs = optim.SGD(module.parameters(), 0.1);
            theirs.step();
            new SGD<double>(layer.Parameters, 0.1).Step();
        }

        back.CopyFrom(module);
        foreach (var (name, parameter) in layer.NamedParameters()) Agree<double>(name, parameter.Values, back.NamedParameters().Single(named => named.Name == name).Parameter.Values);
        foreach (var (name, buffer) in layer.NamedBuffers()) Agree<double>(name, buffer.Values, back.NamedBuffers().Single(named => named.Name == name).Buffer.Values);
    }

    [Fact]
    public void A_module_may_be_in_another_type_and_move()
    {
        foreach (var one in Catalogue.Of<float>().Where(one => one.Classes == 0 && one.Kind != "Impute"))
        {
            var x = one.Input(3, 5);
            using var module = one.Layer.ToTorch(CPU, float64);
            module.eval();
            module.parameters().Count(parameter => parameter.dtype != float64).Should().Be(0);
            using var input = x.ToTensor().to(float64);
            using var before = module.call(input);
            Agree(one.ToString(), one.Layer.Forward(x), before.to(float32), 2e-5, 2e-5);

            module.to(float32);
            module.parameters().Count(parameter => parameter.dtype != float32).Should().Be(0, one.ToString());
            using var after = module.call(x.ToTensor());
            after.dtype.Should().Be(float32, one.ToString());
            Agree(one.ToString(), one.Layer.Forward(x), after, 2e-5, 2e-5);
        }
    }

    [Fact]
    public void What_is_shared_stays_shared_there_and_back()
    {
        var (embedding, shared) = (new Embedding<double>(5, 3, generator: new(1)), new Linear<double>(3, 3, generator: new(2)));
        var model = new Sequential<double> { { "wte", embedding }, { "a", shared }, { "mid", new Tanh<double>() }, { "b", shared }, { "lm_head", new Linear<double>(embedding.Weight) } };
        using var module = model.ToTorch();
        module.parameters().Should().HaveCount(3);

        var x = Matrix<double>.Build.DenseOfRows([[1], [4], [0], [4]]);
        var dY = Any.Matrix<double>(4, 5, 3);
        var back = (Sequential<double>)TorchModules.FromTorch<double>(module);
        back.Get<Linear<double>>("lm_head").Weight.Should().BeSameAs(back.Get<Embedding<double>>("wte").Weight);
        back["a"].Should().BeSameAs(back["b"]);

        using var y = module.call(x.ToTensor());
        y.backward([dY.ToTensor()]);
        using var theirs = optim.SGD(module.parameters(), 0.1);
        theirs.step();
        var pass = model.NewPass();
        Agree("y", model.Forward(x, pass), y);
        model.Backward(pass, dY);
        new SGD<double>(model.Parameters, 0.1).Step();
        back.CopyFrom(module);
        foreach (var (parameter, here) in back.Parameters.Zip(model.Parameters)) Agree<double>(here.Name, here.Values, parameter.Values);
    }

    [Fact]
    public void What_is_frozen_is_frozen_there_and_back()
    {
        var model = new Sequential<double> { { "first", new Linear<double>(3, 4) }, { "norm", new BatchNorm1d<double>(4) }, { "image", new BatchNorm2d<double>(new(2, 1, 2)) }, { "last", new Linear<double>(4, 2) } };
        model["first"].Freeze();
        model["norm"].Freeze();
        model["image"].Freeze();
        using var module = model.ToTorch();
        module.named_parameters().Where(named => !named.parameter.requires_grad).Select(named => named.name).Should().BeEquivalentTo("first.weight", "first.bias", "norm.weight", "norm.bias", "image.weight", "image.bias");

        var x = Any.Matrix<double>(5, 3, 1);
        using var y = module.call(x.ToTensor());
        Agree("y", model.Forward(x, model.NewPass()), y);
        model.CopyFrom(module);
        model.NamedBuffers().Where(named => named.Name.EndsWith("mean", StringComparison.Ordinal)).Should().HaveCount(2).And.OnlyContain(named => IsZero(named.Buffer), "statistics that are frozen stand still");
        TorchModules.FromTorch<double>(module).NamedParameters().Where(named => named.Parameter.Frozen).Should().HaveCount(6);
    }

    /// <summary>Modules of TorchSharp's own that become layers, and the shapes of their samples.</summary>
    private static readonly (Func<nn.Module<Tensor, Tensor>> Make, int[] Sample)[] Theirs =
    [
        (() => nn.Sequential(
            ("0", nn.Linear(6, 5)), ("1", nn.ReLU()), ("2", nn.BatchNorm1d(5, 1e-3, 0.2)), ("3", nn.Dropout(0.3)), ("4", nn.LayerNorm(5)), ("5", nn.Sequential(("in", nn.Linear(5, 5, hasBias: false)), ("act", nn.GELU()))), ("6", nn.PReLU(5)),
            ("7", nn.Identity()), ("8", nn.LogSoftmax(1))), [6]),
        (() => nn.Sequential(
            nn.Conv2d(2, 4, 3, padding: 1, stride: 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, TorchSharp.Padding.Same, padding_mode: PaddingModes.Replicate, groups: 2), nn.MaxPool2d(2, padding: 1), nn.GroupNorm(2, 4), nn.SiLU(),
            nn.ZeroPad2d((1, 0, 2, 1)), nn.InstanceNorm2d(4, affine: true), nn.Dropout2d(0.2), nn.AvgPool2d(2, 1), nn.Upsample([6, 5], mode: torch.UpsampleMode.Bilinear, align_corners: true), nn.Upsample(scale_factor: [2, 3]),
            nn.AdaptiveAvgPool2d([3, 2]), nn.ConvTranspose2d(4, 3, 3, stride: 2, padding: 1, output_padding: 1), nn.Flatten(), nn.Linear(3 * 6 * 4, 4)), [2, 8, 6]),
        (() => nn.Sequential(nn.Conv1d(2, 4, 3, dilation: 2, padding: 2), nn.BatchNorm1d(4), nn.Tanh(), nn.Conv1d(4, 3, 4, TorchSharp.Padding.Valid), nn.Flatten(), nn.Linear(3 * 6, 2)), [2, 9]),
        (() => nn.Sequential(nn.Linear(4, 12), nn.Unflatten(1, [3, 2, 2]), nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Softmax(-1)), [4]),
        (() => nn.Conv2d(1, 2, 2), [1, 3, 4]),
        // No setting is the usual one.
        (() => nn.Sequential(
            nn.Conv2d(2, 6, (2, 3), stride: (1, 2), padding: (2, 1), dilation: (3, 1), groups: 2, bias: false), nn.MaxPool2d((2, 3), (1, 2), (1, 1), (2, 1), true), nn.BatchNorm2d(6, 0.01, 0.3, affine: false), nn.GroupNorm(3, 6, 0.02),
            nn.ConvTranspose2d(6, 4, (3, 2), stride: (2, 3), padding: (1, 0), output_padding: (1, 1), groups: 2, bias: false, dilation: (1, 2)), nn.AvgPool2d([3, 2], [2, 1], [1, 0], true, false, 5),
            nn.InstanceNorm2d(4, 0.03, 0.2, affine: true, track_running_stats: true), nn.AvgPool2d([2, 3], [2, 2], [1, 1], true, false), nn.Upsample([5, 7], mode: torch.UpsampleMode.Bilinear, align_corners: false)), [2, 9, 8]),
        (() => nn.Sequential(nn.Conv1d(4, 6, 2, stride: 2, padding: 3, dilation: 2, padding_mode: PaddingModes.Reflect, groups: 2, bias: false), nn.BatchNorm1d(6, 0.02, 0.3), nn.Conv1d(6, 2, 4, TorchSharp.Padding.Same)), [4, 9]),
        (() => nn.Sequential(nn.BatchNorm1d(5, 0.01, 0.3, affine: false), nn.LayerNorm(5, 0.02, bias: false), nn.BatchNorm1d(5, track_running_stats: false), nn.LayerNorm(5, 0.01, elementwise_affine: false)), [5]),
        .. Catalogue.Activations<double>().Where(layer => layer is not PReLU<double> and not Hardtanh<double>).Select(layer => ((Func<nn.Module<Tensor, Tensor>>)(() => layer.ToTorch()), new[] { 4 })),
    ];

    [Fact]
    public void Modules_of_TorchSharp_become_layers()
    {
        foreach (var (make, sample) in Theirs)
        {
            using var module = make();
            module.to(float64);
            // As training leaves them: no number is what it was made with.
            using (no_grad())
                foreach (var tensor in module.state_dict().Values.Where(tensor => tensor.dim() > 0)) tensor.add_(rand_like(tensor));

            var layer = TorchModules.FromTorch<double>(module, sample.Length > 1 ? sample : []);
            module.eval();
            var x = Any.Matrix<double>(3, sample.Aggregate((a, b) => a * b), 4);
            using var flat = x.ToTensor();
            using var y = module.call(flat.reshape([3, .. sample.Select(size => (long)size)]));
            Agree($"{layer}", layer.Forward(x), y.reshape(3, -1));
            layer.NamedParameters().Select(named => named.Name).Should().BeEquivalentTo(module.named_parameters().Select(named => named.name));
        }

        using var hardtanh = nn.Hardtanh(-0.5, 2);
        $"{TorchModules.FromTorch<double>(hardtanh)}".Should().Be($"{new Hardtanh<double>(-0.5, 2)}");
    }

    /// <summary>The table of docs/torch.md is what is made. <c>UPDATE_TORCH_TABLE=1</c> writes it anew.</summary>
    [Fact]
    public void The_table_in_the_documentation_is_what_is_made()
    {
        const string Begin = "<!-- written by the suite -->\n", End = "<!-- until here -->";
        var taken = new Dictionary<string, SortedSet<string>> { ["Embedding"] = ["nn.Embedding"], ["Hardtanh"] = ["nn.Hardtanh"] };
        foreach (var (make, sample) in Theirs)
        {
            using var module = make();
            Take(module, TorchModules.FromTorch<double>(module, sample.Length > 1 ? sample : []));
        }

        var rows = Cases.GroupBy(one => one.Kind).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group =>
        {
            var made = group.Select(one =>
            {
                using var module = one.Layer.ToTorch();
                return module is LayerModule ? "LayerModule" : $"nn.{module.GetType().Name}";
            }).Distinct().Where(name => group.Key != "Sequential" || name != "LayerModule");
            return $"| `{group.Key}` | {Names(made)} | {Names(taken.GetValueOrDefault(group.Key) ?? [])} |\n";
        });
        var table = $"| layer | `ToTorch` makes | `FromTorch` takes, beside that |\n|---|---|---|\n{string.Concat(rows)}";
        var text = Repository.Read("docs/torch.md");
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        if (Environment.GetEnvironmentVariable("UPDATE_TORCH_TABLE") is not null) File.WriteAllText(Path.Combine(Repository.Root, "docs", "torch.md"), $"{text[..begin]}{table}{text[end..]}");
        else text[begin..end].Should().Be(table, "UPDATE_TORCH_TABLE=1 writes it anew");

        static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"`{name}`"));

        void Take(nn.Module module, Layer<double> layer)
        {
            var kind = layer.GetType().Name.Split('`')[0];
            if (!taken.TryGetValue(kind, out var names)) taken.Add(kind, names = new(StringComparer.Ordinal));
            names.Add($"nn.{module.GetType().Name}");
            foreach (var (child, its) in module.children().Zip(layer.Children)) Take(child, its.Layer);
        }
    }

    [Fact]
    public void Ids_become_rows_of_a_table()
    {
        using var module = nn.Sequential(("table", nn.Embedding(7, 3)), ("act", nn.Tanh()), ("flat", nn.Flatten()), ("out", nn.Linear(6, 2)));
        var layer = TorchModules.FromTorch<float>(module);
        var x = Matrix<float>.Build.DenseOfRows([[1, 6], [0, 3]]);
        using var y = module.call(tensor(new long[] { 1, 6, 0, 3 }).reshape(2, 2));
        Agree("y", layer.Forward(x), y, 1e-5);
    }

    [Fact]
    public void A_layer_of_ones_own_says_what_it_computes()
    {
        var model = new Sequential<double> { { "first", new Linear<double>(3, 4, generator: new(1)) }, { "snake", new Snake(4) } };
        FluentActions.Invoking(() => model.ToTorch()).Should().Throw<NotSupportedException>().WithMessage("snake: There is no module of Snake*: say what it computes in tensors, by TorchModules.For*");

        // y = x + sin²(a x) / a
        var snake = TorchModules.For<double, Snake>((layer, there, x) => x + (there["a"] * x).sin().square() / there["a"]);
        using var module = model.ToTorch(makers: [snake]);
        var (x, dY) = (Any.Matrix<double>(5, 3, 1), Any.Matrix<double>(5, 4, 2));
        using var y = module.call(x.ToTensor());
        var pass = model.NewPass();
        Agree("y", model.Forward(x, pass), y);
        y.backward([dY.ToTensor()]);
        model.Backward(pass, dY);
        using var gradient = module.named_parameters().Single(named => named.name == "snake.a").parameter.grad!.reshape(-1);
        Agree<double>("dL/da", model.NamedParameters().Single(named => named.Name == "snake.a").Parameter.Gradients, gradient.ToVector<double>().AsArray());
        $"{TorchModules.FromTorch<double>(module)}".Should().Be($"{model}");

        var wrong = TorchModules.For<double, Snake>((builder, layer) => nn.Tanh());
        FluentActions.Invoking(() => model.ToTorch(makers: [wrong])).Should().Throw<ArgumentException>().WithMessage("*differ: snake.a (4) is not there*");
        FluentActions.Invoking(() => model.ToTorch(makers: [TorchModules.For<double, Snake>((builder, layer) => null!)])).Should().Throw<InvalidOperationException>().WithMessage("*Snake* returned null*");
    }

    [Fact]
    public void What_cannot_go_is_said()
    {
        var model = new Sequential<double> { new Linear<double>(3, 2) };
        FluentActions.Invoking(() => model.ToTorch(dtype: int64)).Should().Throw<ArgumentException>().WithMessage("A network expects a floating-point type, not Int64.*");
        FluentActions.Invoking(() => ((Layer<double>)null!).ToTorch()).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => new Sequential<double> { { "scale", new Standardize<double>(3) } }.ToTorch()).Should().Throw<InvalidOperationException>().WithMessage("Standardize(3) expects to be fitted before it becomes a module*");
        using var module = new Sequential<float> { { "conv", new Conv2d<float>(new(1, 3, 3), 2, 2) } }.ToTorch();
        FluentActions.Invoking(() => module.call(zeros(2, 1, 3, 3))).Should().Throw<ArgumentException>().WithMessage("Conv2d(*) expects rows of 9 columns, but x is (2, 1, 3, 3).*");
        FluentActions.Invoking(() => TorchModules.FromTorch<double>(module)).Should().Throw<ArgumentException>().WithMessage("conv: LayerModule was made of a layer of another type than Double.*");
    }

    [Fact]
    public void What_cannot_come_is_said_with_its_place_and_a_way()
    {
        Refused("lstm: *", nn.LSTM(3, 2), [], "LSTM has no layer like it for rows, or not with its settings. CopyFrom takes values from any module, by name, into a network that is made here.*");
        Refused("a custom one", new Custom(), [], "Custom is of a kind that only its code knows. CopyFrom*");
        Refused("deep", nn.Sequential(("block", nn.Sequential(("ok", nn.ReLU()), ("odd", nn.GLU())))), [], "block.odd: GLU has no layer like it for rows*");
        Refused("images without a shape", nn.Sequential(nn.Conv2d(1, 2, 3)), [], "0: Conv2d has no layer like it for rows*");
        Refused("no Flatten", nn.Sequential(nn.Conv2d(1, 2, 2), nn.Linear(2, 2)), [1, 3, 3], "1: Linear has no layer like it for images or signals of (2, 2, 2)*");
        Refused("other channels", nn.Sequential(nn.Conv2d(3, 2, 2)), [1, 3, 3], "0: Conv2d is refused by its layer: it expects 3 channels, but is given 1.*");
        Refused("too small", nn.Sequential(nn.Conv2d(1, 2, 5)), [1, 3, 3], "0: Conv2d is refused by its layer: *");
        Refused("wrong there", nn.Sequential(nn.Conv2d(1, 2, (3L, 1L), TorchSharp.Padding.Same, padding_mode: PaddingModes.Circular)), [1, 3, 3], "0: Conv2d is refused by its layer: TorchSharp 0.107 pads the sides*");
        Refused("wrong there, too", nn.ConvTranspose2d(1, 2, (3, 2), stride: (2, 3), output_padding: (0, 2)), [1, 3, 3], "ConvTranspose2d is refused by its layer: TorchSharp 0.107 adds the first*");
        Refused("over rows", nn.Sequential(nn.Softmax(0)), [], "0: Softmax has no layer like it for rows, or not with its settings.*");
        Refused("over steps", nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2)), [], "1: Linear has no layer like it for rows of an embedding*");
        FluentActions.Invoking(() => TorchModules.FromTorch<double>(null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => TorchModules.FromTorch<double>(nn.ReLU(), 0, 3)).Should().Throw<ArgumentException>().WithMessage("The shape of a sample is (channels, height, width) or (channels, length), each at least 1, but is (0, 3).*");

        static void Refused(string why, nn.Module module, int[] sample, string message)
        {
            using (module) FluentActions.Invoking(() => TorchModules.FromTorch<double>(module, sample)).Should().Throw<ArgumentException>(why).WithMessage(message);
        }
    }

    private static bool IsZero(Buffer<double> buffer) => !buffer.Values.ContainsAnyExcept(0);

    private static bool Draws(Layer<double> layer) => layer is Dropout<double> { P: > 0 } or Dropout2d<double> { P: > 0 } or Recurrent<double> { Dropout: > 0 } or ScaledDotProductAttention<double> { Dropout: > 0 } || layer.Children.Any(child => Draws(child.Layer));

    private static void Agree<T>(string what, Matrix<T> ours, Tensor theirs, double relative = 1e-10, double? absolute = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var there = theirs.detach();
        Agree<T>(what, ours.AsColumnMajorArray(), there.ToMatrix<T>().AsColumnMajorArray(), relative, absolute);
    }

    private static void Agree<T>(string what, ReadOnlySpan<T> ours, ReadOnlySpan<T> theirs, double relative = 1e-10, double? absolute = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        theirs.Length.Should().Be(ours.Length, what);
        for (var i = 0; i < ours.Length; i++)
        {
            var (here, there) = (double.CreateChecked(ours[i]), double.CreateChecked(theirs[i]));
            (here.Equals(there) || Math.Abs(here - there) <= (absolute ?? relative / 100) + relative * Math.Abs(there)).Should().BeTrue("{0}[{1}] is {2} here and {3} there", what, i, here, there);
        }
    }

    private sealed class Custom() : nn.Module<Tensor, Tensor>("Custom")
    {
        public override Tensor forward(Tensor input) => input * 2;
    }
}
