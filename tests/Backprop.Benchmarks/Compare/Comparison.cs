using System.Globalization;
using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>The command <c>compare</c>: every table, ours against TorchSharp and ONNX Runtime.</summary>
internal sealed class Comparison
{
    /// <summary>What the command line says.</summary>
    public sealed record Options(string? Only, string? Against, double Seconds, string? Threads, string? Type, bool CpuTime, bool Markdown, string? Save);

    private static readonly Network[] Forwards =
    [
        new(1, 64, 32, 10), new(1, 784, 128, 10), new(32, 784, 128, 10), new(256, 784, 128, 10),
    ];

    private static readonly Network[] Served =
    [
        .. from batch in (int[])[1, 8, 32, 256] from sizes in (int[][])[[64, 32, 10], [784, 128, 10], [784, 512, 512, 10]] select new Network(batch, sizes),
    ];

    private readonly Options _options;
    private readonly Dictionary<string, History> _before;
    private bool _anySelected;

    private Comparison(Options options) => (_options, _before) = (options, options.Save is { } path ? History.Read(path, Machine.Name) : []);

    /// <summary>Runs what the options select. Returns the exit code: 1 where the sides disagree.</summary>
    public static int Run(Options options)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        TorchNative.EnsureLoadable();
        try
        {
            var comparison = new Comparison(options);
            comparison.Run();
            if (comparison._anySelected) return 0;
            Console.Error.WriteLine($"No row's name contains \"{options.Only}\".");
            return 1;
        }
        catch (Exception e) when (e is DisagreementException or FormatException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private void Run()
    {
        Note(Machine.Description);
        Note(
            "ratio: the peer's time / ours, the median over paired blocks, its 10th to 90th percentile, and that of each side's best block.",
            "GFLOP/s of the products, their share of what a loop of multiply-adds reaches in the same blocks,",
            "and managed bytes allocated in each call: ours / the peer's.");
        if (_before.Count > 0) Note($"before: our median in the last run on such a machine, of {_before.Values.Max(run => run.When)}.");
        if (_options.CpuTime) Note("Times are processor time, not wall time.");
        foreach (var threads in new[] { 1, 2 })
        {
            if (_options.CpuTime && threads > 1) continue;
            if (_options.Threads is { } wanted && wanted != threads.ToString(CultureInfo.InvariantCulture)) continue;
            Control.MaxDegreeOfParallelism = threads;
            torch.set_num_threads(threads);
            if (_options.Type is null or "float") Tables<float>(threads);
            if (_options.Type is null or "double") Tables<double>(threads);
        }

        if (Against("libtorch") && Selected("cold start 64-32-10, 32 float")) ColdStarts("ours", "torch", "its first step");
        if (Against("onnxruntime") && Selected("cold start onnxruntime 64-32-10, 1 float")) ColdStarts("serving", "onnx", "its first prediction");
    }

    private void Tables<T>(int threads) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var what = $"{Data.NameOf<T>()}, {threads} thread{(threads == 1 ? "" : "s")}";
        using var peak = new Peak<T>(threads);
        WarmUp<T>();
        if (Against("onnxruntime") && typeof(T) == typeof(float)) Serving(threads, (Peak<float>)(object)peak);
        if (Against("libtorch")) Training(threads, what, peak);
        if (Against("c") && threads == 1) SmallSteps(what, peak);
    }

    private void SmallSteps<T>(string what, Peak<T> peak) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var table = new Table(_options.Markdown, $"Training step against plain C (gcc -O3 -march=native): {what}", Columns("network, batch", "C"));
        foreach (var network in Network.Compared.Where(network => network.Sizes.Length == 3 && network.StepFlops < 1e6))
        {
            if (!Selected($"c step {network} {what}")) continue;
            if (!PlainC<T>.IsThere)
            {
                Note("There is no gcc here, so there is nothing to hold small networks against.");
                return;
            }

            using var ours = new OurStep<T>(network);
            using var theirs = new PlainC<T>(network);
            RequireSameLosses<T>($"{network}", ours, theirs);
            Add(table, network.ToString(), network.StepFlops, ours, theirs, peak);
        }
    }

    private void Serving(int threads, Peak<float> peak)
    {
        var what = $"float, {threads} thread{(threads == 1 ? "" : "s")}";
        var table = new Table(_options.Markdown, $"Inference against ONNX Runtime: {what}", Columns("network, batch", "onnx"));
        foreach (var network in Served.Where(network => threads == 1 || network.ForwardFlops > 1_000_000))
        {
            if (!Selected($"onnxruntime inference {network} {what}")) continue;
            using var ours = new OurInference<float>(network);
            using var theirs = new OnnxInference(network, threads);
            var (a, b) = (ours.Output, theirs.Output);
            if (!((a - b).Enumerate().Max(Math.Abs) <= 1e-4)) throw new DisagreementException($"{network}: not timed, for the outputs differ.");
            Add(table, network.ToString(), network.ForwardFlops, ours, theirs, peak);
        }
    }

    private void Training<T>(int threads, string what, Peak<T> peak) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var table = new Table(_options.Markdown, $"Training step: {what}", Columns("network, batch", "torch"));
        foreach (var network in Network.Compared.Where(network => threads == 1 || network.StepFlops > 100_000))
        {
            if (!Selected($"step {network} {what}")) continue;
            using var ours = new OurStep<T>(network);
            using var theirs = new TorchStep<T>(network);
            RequireSameLosses<T>($"{network}", ours, theirs);
            Add(table, network.ToString(), network.StepFlops, ours, theirs, peak);
        }

        table = new Table(_options.Markdown, $"Inference: {what}", Columns("network, batch", "torch"));
        foreach (var network in Forwards.Where(network => threads == 1 || network.ForwardFlops > 1_000_000))
        {
            if (!Selected($"forward inference {network} {what}")) continue;
            using var ours = new OurInference<T>(network);
            using var theirs = new TorchInference<T>(network);
            using (var output = theirs.Output) RequireSame($"{network}", ours.Output, output);
            Add(table, network.ToString(), network.ForwardFlops, ours, theirs, peak);
        }

        table = new Table(_options.Markdown, $"Products of square matrices: {what}", Columns("product, size", "torch"));
        foreach (var kind in Enum.GetValues<ProductKind>())
        {
            foreach (var size in new[] { 256, 512, 1024, 2048 })
            {
                var name = $"{Name(kind)}, {size}";
                if (!Selected($"product {name} {what}")) continue;
                using var ours = new OurProduct<T>(kind, size);
                using var theirs = new TorchProduct<T>(kind, size);
                ours.Run(1);
                theirs.Run(1);
                RequireSame(name, ours.Result, theirs.Result);
                Add(table, name, 2.0 * size * size * size, ours, theirs, peak);
            }
        }

        BlockTables("Convolutions of images", "convolution", what, Block<T>.Convolutions(), peak);
        BlockTables("Recurrent layers", "recurrent", what, Block<T>.Recurrences(), peak);
        BlockTables("Attention", "attention", what, Block<T>.Attentions(), peak);
        GptTable(what, peak);
        if (threads == 1) ElementwiseTable<T>(what);
    }

    // PyTorch's own GELU is timed; that the steps are the same is seen beside its approximation by tanh, which ours is.
    private void GptTable<T>(string what, Peak<T> peak) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var name = $"GPT, 103,872 parameters, {OurGptStep<T>.Batch} x {OurGptStep<T>.Sizes.Steps}";
        if (!Selected($"gpt step {name} {what}")) return;
        var table = new Table(_options.Markdown, $"Training step of the walkthrough's GPT: {what}", [new("sizes, batch", -46), .. Columns("", "torch")[1..]]);
        using (OurGptStep<T> one = new())
        {
            using TorchGptStep<T> same = new(one, exactGelu: false);
            RequireSameLosses<T>(name, one, same);
        }

        using OurGptStep<T> ours = new();
        using TorchGptStep<T> theirs = new(ours, exactGelu: true);
        Add(table, name, OurGptStep<T>.Flops, ours, theirs, peak);
    }

    private void BlockTables<T>(string title, string name, string what, IEnumerable<Block<T>> blocks, Peak<T> peak) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var backward in new[] { false, true })
        {
            var table = new Table(_options.Markdown, $"{title}, {(backward ? "forward and back" : "forward")}: {what}", [new("sizes, batch", -46), .. Columns("", "torch")[1..]]);
            foreach (var block in blocks.Where(block => peak.Threads == 1 || block.Flops > 1_000_000))
            {
                if (!Selected($"{name} {block.Name} {(backward ? "both" : "forward")} {what}")) continue;
                using var ours = new OurBlock<T>(block, backward);
                using var theirs = new TorchBlock<T>(block, ours, backward);
                using (var result = theirs.Result()) RequireSame(block.Name, ours.Result(), result);
                Add(table, block.Name, (backward ? 3 : 1) * block.Flops, ours, theirs, peak);
            }
        }
    }

    // What all networks share must be compiled to the end before the first row, too; the runtime takes its time with that.
    private static void WarmUp<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var ours = new OurStep<T>(Network.Compared[1]);
        using var theirs = new TorchStep<T>(Network.Compared[1]);
        Turns.WarmUp(ours, 1, 0.01);
        Turns.WarmUp(theirs, 0.5, 0.01);
    }

    private void ElementwiseTable<T>(string what) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var table = new Table(_options.Markdown, $"Elementwise, 4,096 elements: {what}",
            new("layer", -22), new("ours us", 10), new("torch us", 10), new("ratio", 8), new("10-90 %", 14), new("ns/element", 12));
        foreach (var layer in Elementwise<T>.All)
        {
            foreach (var backward in new[] { false, true })
            {
                var name = layer.Name + (backward ? ", both" : ", forward");
                if (!Selected($"elementwise {name} {what}")) continue;
                using var ours = new OurElementwise<T>(layer.Ours(), backward);
                using var theirs = new TorchElementwise<T>(layer.Torch(), backward);
                using (var result = theirs.Result()) RequireSame(name, ours.Result(), result, layer.Tolerance);
                var turns = Turns.Take(_options.Seconds / 4, 1, _options.CpuTime, ours, theirs);
                table.Add([name, .. Times(turns, 1), Table.Number(turns.Seconds(0) * 1e9 / OurElementwise<T>.Elements)]);
            }
        }
    }

    private void ColdStarts(string first, string peer, string what)
    {
        var table = new Table(_options.Markdown, $"Cold start: from the start of a process to the end of {what}, and its memory then",
            new("", -22), new("ours ms", 10), new($"{peer} ms", 10), new("ratio", 8), new("10-90 %", 14), new("of bests", 10), new("ours MB", 10), new($"{peer} MB", 10));
        var (turns, megabytes) = ColdStart.Measure(first, peer, Math.Clamp((int)(_options.Seconds * 5), 3, 25));
        var (ratio, low, high) = turns.Ratio(1, to: 0);
        table.Add(what, Table.Number(turns.Seconds(0) * 1e3), Table.Number(turns.Seconds(1) * 1e3), Table.Times(ratio), Spread(low, high), Table.Times(turns.Best(1) / turns.Best(0)),
            Table.Number(megabytes.Ours), Table.Number(megabytes.Theirs));
    }

    private Column[] Columns(string first, string peer) =>
    [
        new(first, -22), new("ours us", 10), new($"{peer} us", 10), new("ratio", 8), new("10-90 %", 14), new("of bests", 10),
        new("GFLOP/s", 12), new("of peak %", 11), new("bytes", 11), .. _before.Count > 0 ? [new Column("before", 10)] : Array.Empty<Column>(),
    ];

    private void Add<T>(Table table, string name, double flops, ISide ours, ISide theirs, Peak<T> peak) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var turns = Turns.Take(_options.Seconds, peak.Threads, _options.CpuTime, ours, peak, theirs);
        var row = $"{table.Title}: {name}";
        var median = turns.Ratio(2, to: 0).Median;
        if (_options.Save is { } path) new History($"{DateTime.UtcNow:yyyy-MM-dd}", Machine.Name, row, turns.Seconds(0) * 1e6, turns.Seconds(2) * 1e6, median, turns.Best(2) / turns.Best(0)).AppendTo(path);
        table.Add(
        [
            name, .. Times(turns, 2), Table.Times(turns.Best(2) / turns.Best(0)),
            $"{Table.Number(flops / turns.Seconds(0) / 1e9)}/{Table.Number(flops / turns.Seconds(2) / 1e9)}",
            $"{Share(0)}/{Share(2)}",
            $"{Turns.BytesPerCall(ours)}/{Turns.BytesPerCall(theirs)}",
            .. _before.Count > 0 ? [_before.TryGetValue(row, out var before) ? Table.Number(before.Ours) : "-"] : Array.Empty<string>(),
        ]);

        string Share(int side) => Table.Percent(turns.Ratio(1, to: side).Median * flops / peak.Flops);
    }

    private static string[] Times(Turns turns, int torchSide)
    {
        var (ratio, low, high) = turns.Ratio(torchSide, to: 0);
        return [Table.Number(turns.Seconds(0) * 1e6), Table.Number(turns.Seconds(torchSide) * 1e6), Table.Times(ratio), Spread(low, high)];
    }

    private static string Spread(double low, double high) => $"{Table.Number(low)}-{Table.Number(high)}";

    private void Note(params ReadOnlySpan<string> lines)
    {
        foreach (var line in lines) Console.WriteLine(_options.Markdown ? $"- {line}" : line);
    }

    private bool Against(string peer) => _options.Against is null || _options.Against == peer;

    private bool Selected(string row)
    {
        var selected = _options.Only is not { } only || row.Contains(only, StringComparison.OrdinalIgnoreCase);
        _anySelected |= selected;
        return selected;
    }

    private static string Name(ProductKind kind) => kind switch
    {
        ProductKind.Forward => "X W^T",
        ProductKind.InputGradient => "dY W",
        _ => "dW += dY^T X",
    };

    // Five steps pass through every gradient, so this proves that both sides do the same work.
    private static void RequireSameLosses<T>(string network, TrainingStep ours, TrainingStep theirs)
    {
        for (var step = 1; step <= 5; step++)
        {
            double a = ours.Step(), b = theirs.Step();
            if (!(Math.Abs(a - b) <= Tolerance.Of<T>().Around(b)))
                throw new DisagreementException($"{network}, {Data.NameOf<T>()}: not timed, for the losses of step {step} differ: ours {a:r}, the peer's {b:r}.");
        }
    }

    private static void RequireSame<T>(string row, Matrix<T> ours, torch.Tensor theirs, double? inDouble = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var bound = typeof(T) == typeof(float) ? 1e-4 : inDouble ?? 1e-11;      // sums of a thousand terms, in another order
        var difference = Difference.Between(ours, theirs, new Tolerance(bound, bound));
        if (!difference.IsWithinTolerance) throw new DisagreementException($"{row}, {Data.NameOf<T>()}: not timed, for the results differ: {difference}.");
    }

    private sealed class DisagreementException(string message) : Exception(message);
}
