using System.Globalization;
using System.Numerics;

namespace Backprop.Explain;

/// <summary>Makes a network of a text: reads it, knows the columns at each place, and makes the layers.</summary>
internal sealed class NetworkBuilder<T>(string text, Generator generator, long mostParameters) where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string Start = "expects the widths of the layers first, such as 2-4-1, or the columns of the input, such as 2";

    private readonly NetworkReader<T> _reader = new(text);
    private long _parameters;

    public ParsedNetwork<T> Build()
    {
        var first = _reader.Take();
        var widths = first.Text.Split('-').Select(width => int.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0).ToArray();
        if (first.Kind != TokenKind.Word || Array.Exists(widths, width => width < 1)) throw NetworkReader<T>.Fail($"{Start}, but {first.Shown}", first, first.Kind == TokenKind.End ? NetworkReader<T>.Known : "");

        var items = new List<Item>();
        for (; _reader.Peek().Kind != TokenKind.End;)
        {
            if (items.Count > 0 && items[^1].Word is LossWord<T> loss) throw NetworkReader<T>.Fail($"expects nothing behind the loss {loss.Name}, but {_reader.Peek().Shown}", _reader.Peek());
            items.Add(_reader.TakeItem());
        }

        if (items.Count == 0 || items[^1].Word is not LossWord<T>)
            throw NetworkReader<T>.Fail("expects a loss as its last word, but it ends", text.Length, $"Losses: {string.Join(", ", NetworkText.Losses)}.");
        if (items[^1].Name is { } name) throw NetworkReader<T>.Fail($"expects a loss without a name, but it is \"{name}\"", items[^1].Position);
        return widths.Length > 1 ? BuildShort(widths, items) : BuildLong(widths[0], items);
    }

    /// <summary>A layer or loss refused what it was given: what it says, and where it stands.</summary>
    public static NetworkTextException Refused(Item item, Exception refusal)
    {
        // The name of the constructor's argument says nothing to whoever wrote the text. Trimmed programs have their own words for it.
        var message = refusal is OverflowException ? $"A network's text expects sizes that a matrix can have, but {item.Word.Name} would be too large" : refusal.Message.Split('\n')[0];
        if (refusal is ArgumentException { ParamName: { } parameter })
            message = message.Replace($" (Parameter '{parameter}')", "", StringComparison.Ordinal).Replace($" Arg_ParamName_Name, {parameter}", "", StringComparison.Ordinal);
        return new(string.Create(CultureInfo.InvariantCulture, $"{message.TrimEnd('.')}, at character {item.Position + 1}."), item.Position, refusal);
    }

    private ParsedNetwork<T> BuildShort(int[] widths, List<Item> items)
    {
        if (items.Count > 2 || (items.Count == 2 && items[0].Word is not LayerWord<T> { IsActivation: true }))
        {
            throw NetworkReader<T>.Fail("expects one activation and a loss behind the widths, but there is more", items[items.Count > 2 && items[0].Word is LayerWord<T> { IsActivation: true } ? 1 : 0].Position,
                $"For other layers, write them one by one: {Signature.Number(widths[0])} linear({Signature.Number(widths[1])}) ... mse. Activations: {string.Join(", ", NetworkText.Activations)}.");
        }

        if (items.Count == 2 && items[0].Name is { } name) throw NetworkReader<T>.Fail($"expects an activation without a name behind the widths, but it is \"{name}\"", items[0].Position);
        var layers = new List<Item>();
        for (var i = 1; i < widths.Length; i++)
        {
            var number = widths.Length > 3 ? Signature.Number(i) : "";
            var linear = new Item(Words<T>.Layers[0], i == widths.Length - 1 ? "output" : $"hidden{number}", 0);
            linear.Values[0] = widths[i];
            layers.Add(linear);
            if (items.Count == 1 || i == widths.Length - 1) continue;
            var activation = new Item(items[0].Word, $"activation{number}", items[0].Position);
            items[0].Values.CopyTo(activation.Values, 0);
            layers.Add(activation);
        }

        return BuildLong(widths[0], [.. layers, items[^1]]);
    }

    private ParsedNetwork<T> BuildLong(int inputs, List<Item> items)
    {
        var (model, columns) = (new Sequential<T>(), inputs);
        var texts = new List<string>();
        foreach (var item in items.SkipLast(1))
        {
            if (item.Word is LossWord<T> early) throw NetworkReader<T>.Fail($"expects the loss {early.Name} at the end, but there are layers behind it", item.Position);
            var layer = Make(item, ref columns);
            Put(item, () => model.Add(item.Name ?? Signature.Number(model.Children.Count), layer));
            texts.Add(item.ToText(texts.Count));
        }

        var widths = ShortWidths(inputs, items, out var activation);
        return new(inputs, model, Words<T>.Loss(items[^1]), texts.AsReadOnly(), items[^1].ToText(-1), widths, activation);
    }

    private Layer<T> Make(Item item, ref int columns)
    {
        var word = (LayerWord<T>)item.Word;
        _parameters += word.Parameters?.Invoke(item, columns) ?? 0;
        if (_parameters > mostParameters) throw NetworkReader<T>.Fail($"expects at most {Signature.Number(mostParameters)} numbers to learn, but with {word.Name} there are {Signature.Number(_parameters)}", item.Position);
        try
        {
            var layer = word.Container is null ? word.Make(item, columns, generator) : MakeContainer(word, item, columns);
            if (word.Container is null && layer.InputColumns is int expected && expected != columns)
                throw NetworkReader<T>.Fail($"expects {Signature.Number(expected)} column{(expected == 1 ? "" : "s")} before {word.Name}, but there {(columns == 1 ? "is" : "are")} {Signature.Number(columns)}", item.Position);
            columns = layer.OutputColumns(columns);
            return columns > 0 ? layer : throw NetworkReader<T>.Fail($"expects {word.Name} to leave some columns, but there are none", item.Position);
        }
        catch (Exception refusal) when (refusal is ArgumentException or OverflowException)
        {
            throw Refused(item, refusal);
        }
    }

    private Layer<T> MakeContainer(LayerWord<T> word, Item item, int columns)
    {
        var layers = new List<(string? Name, Layer<T> Layer)>();
        var inner = columns;
        foreach (var child in item.Items)
        {
            // One layer after another, or each beside the other.
            if (word.Name is "concat" or "sum") inner = columns;
            layers.Add((child.Name, Make(child, ref inner)));
        }

        return word.Container!(layers);
    }

    private static void Put(Item item, Action put)
    {
        try
        {
            put();
        }
        catch (ArgumentException refusal)
        {
            throw Refused(item, refusal);
        }
    }

    /// <summary>The widths of the short form, where its names and layers are these.</summary>
    private static List<int>? ShortWidths(int inputs, List<Item> items, out string? activation)
    {
        activation = null;
        var layers = items.SkipLast(1).ToList();
        var linears = layers.Where(item => item.Word.Name == "linear").ToList();
        var between = layers.Where(item => item.Word.Name != "linear").Select(item => item.ToText(-1)[(item.Name is null ? 0 : item.Name.Length + 1)..]).Distinct().ToList();
        if (linears.Count == 0 || between.Count > 1 || linears.Exists(item => !item.Flag(1))) return null;
        var step = between.Count == 0 ? 1 : 2;
        if (layers.Count != (linears.Count - 1) * step + 1) return null;
        for (var i = 0; i < layers.Count; i++)
        {
            var number = linears.Count > 2 ? Signature.Number(i / step + 1) : "";
            var isActivation = step == 2 && i % 2 == 1;
            var name = isActivation ? $"activation{number}" : i == layers.Count - 1 ? "output" : $"hidden{number}";
            if (layers[i].Name != name || layers[i].Word is not LayerWord<T> word || (isActivation ? !word.IsActivation : word.Name != "linear")) return null;
        }

        activation = between.FirstOrDefault();
        return [inputs, .. linears.Select(item => item.Integer(0))];
    }
}
