using System.Numerics;

namespace Backprop.Onnx;

/// <summary>Makes a network of layers with paths such as <c>net.0</c>: those that stand side by side in <c>net</c> become one network within it. Where paths are missing or do not stand together, layers get their numbers.</summary>
internal static class Tree
{
    private const int MostLevels = 20;

    public static Sequential<T> Of<T>(IReadOnlyList<(string Path, Layer<T> Layer)> layers) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var paths = layers.Select(layer => (layer.Path.Split('.'), layer.Layer)).ToArray();
        return Build(paths, 0) ?? Numbered(layers.Select(layer => layer.Layer));
    }

    private static Sequential<T>? Build<T>(ReadOnlySpan<(string[] Path, Layer<T> Layer)> layers, int level) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (network, names) = (new Sequential<T>(), new HashSet<string>(StringComparer.Ordinal));
        for (int first = 0, next; first < layers.Length; first = next)
        {
            var path = layers[first].Path;
            if (level >= Math.Min(path.Length, MostLevels) || string.IsNullOrWhiteSpace(path[level]) || !names.Add(path[level])) return null;
            for (next = first + 1; next < layers.Length && level < layers[next].Path.Length && layers[next].Path[level] == path[level];) next++;
            if (next == first + 1 && path.Length == level + 1) network.Add(path[level], layers[first].Layer);
            else if (Build(layers[first..next], level + 1) is { } inner) network.Add(path[level], inner);
            else return null;
        }

        return network;
    }

    private static Sequential<T> Numbered<T>(IEnumerable<Layer<T>> layers) where T : unmanaged, IFloatingPointIeee754<T> => new([.. layers]);
}
