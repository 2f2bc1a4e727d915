using System.Diagnostics;
using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Backprop.Benchmarks;

/// <summary>The same training step in plain C, compiled on this machine by <c>gcc -O3 -march=native</c>: what a small network can cost where nothing is asked or checked.</summary>
internal sealed unsafe class PlainC<T> : TrainingStep where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Network _network;
    private readonly T* _memory;
    private readonly T** _arrays;

    public PlainC(Network network)
    {
        _network = network;
        var (n, a, b, c) = (network.Batch, network.Sizes[0], network.Sizes[1], network.Sizes[2]);
        int[] counts = [n * a, n * c, a * b, b, b * c, c, n * b, n * c, b, a * b, b, b * c, c];
        // Each from a line of the cache of its own.
        var line = 64 / sizeof(T);
        var size = (nuint)(counts.Sum(count => (count + line - 1) / line * line) * sizeof(T));
        _memory = (T*)NativeMemory.AlignedAlloc(size, 64);
        NativeMemory.Clear(_memory, size);
        _arrays = (T**)NativeMemory.Alloc((nuint)counts.Length, (nuint)sizeof(T*));
        var next = _memory;
        for (var i = 0; i < counts.Length; i++, next += (counts[i - 1] + line - 1) / line * line) _arrays[i] = next;

        var model = network.NewModel<T>();
        var (first, second) = (model.Get<Linear<T>>("0"), model.Get<Linear<T>>("2"));
        Fill(0, network.NewInput<T>().ToRowMajorArray());
        Fill(1, network.NewTarget<T>().ToRowMajorArray());
        Fill(2, first.Weight.Values);       // out x in, column after column, is in x out, row after row
        Fill(3, first.Bias!.Values);
        Fill(4, second.Weight.Values);
        Fill(5, second.Bias!.Values);

        void Fill(int i, ReadOnlySpan<T> values) => values.CopyTo(new(_arrays[i], values.Length));
    }

    /// <summary>Whether there is a gcc to compile it.</summary>
    public static bool IsThere => Library.Handle != 0;

    public override double Step() => double.CreateTruncating(Call(1));

    public override void Run(int times) => Call(times);

    public override void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        NativeMemory.Free(_arrays);
    }

    private T Call(int times)
    {
        var (n, a, b, c) = (_network.Batch, _network.Sizes[0], _network.Sizes[1], _network.Sizes[2]);
        return typeof(T) == typeof(float)
            ? T.CreateTruncating(((delegate* unmanaged[Cdecl]<int, int, int, int, T**, float, int, float>)NativeLibrary.GetExport(Library.Handle, "step_float"))(n, a, b, c, _arrays, (float)Network.LearningRate, times))
            : T.CreateTruncating(((delegate* unmanaged[Cdecl]<int, int, int, int, T**, double, int, double>)NativeLibrary.GetExport(Library.Handle, "step_double"))(n, a, b, c, _arrays, Network.LearningRate, times));
    }
}

/// <summary>step.c, compiled once a process; 0 where there is no gcc.</summary>
internal static class Library
{
    public static nint Handle { get; } = Compile();

    private static nint Compile()
    {
        var directory = Directory.CreateTempSubdirectory("backprop-c");
        try
        {
            var (source, library) = (Path.Combine(directory.FullName, "step.c"), Path.Combine(directory.FullName, "step.so"));
            using (var text = Assembly.GetExecutingAssembly().GetManifestResourceStream("step.c")!)
            using (var file = File.Create(source)) text.CopyTo(file);
            using var gcc = Process.Start("gcc", ["-O3", "-march=native", "-shared", "-fPIC", "-o", library, source, "-lm"]);
            gcc.WaitForExit();
            return gcc.ExitCode == 0 ? NativeLibrary.Load(library) : 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return 0;       // no gcc
        }
        finally
        {
            directory.Delete(recursive: true);      // what is loaded stays
        }
    }
}
