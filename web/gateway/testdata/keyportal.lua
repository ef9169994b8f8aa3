-- The question that HAProxy asks Key Portal before it lets a request pass, as the
-- action lua.keyportal of haproxy.cfg. Nothing needs to be changed here.

-- What Key Portal says of the key. All of it replaces what the client may have sent
-- under these names, also where it has no value.
local identity = {
    "X-Key-Id", "X-Key-Name", "X-User-Id", "X-User-Name", "X-Org-Id", "X-Org-Name",
    "X-License", "X-Domain", "X-Application", "X-Api-Sets", "X-Impersonator-Id",
}

-- What the client says to Key Portal, as often as it says it.
local credentials = { "X-Api-Key", "Authorization", "accessKey", "secretKey", "Impersonate-User-Id" }

-- What the client is told of a refusal.
local explanations = {
    "X-Deny-Reason", "WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy", "Content-Type", "Cache-Control",
}

-- The name of each header that was received is in lower case, its values count from 0.
local function value(headers, name)
    local values = headers[name:lower()]
    return values and values[0]
end

local function ask(txn, url)
    local sent = txn.http:req_get_headers()
    local question = {
        ["X-Original-Method"] = { txn.sf:method() },
        ["X-Original-URI"] = { txn.sf:url() },
        ["X-Forwarded-For"] = { txn.sf:src() },
    }
    for _, name in ipairs(credentials) do
        question[name] = sent[name:lower()]
    end
    return core.httpclient():get{ url = url, headers = question, timeout = 5000 }
end

local function refuse(txn, answer)
    local reply = txn:reply{ status = answer.status, body = answer.body }
    for _, name in ipairs(explanations) do
        local text = value(answer.headers, name)
        if text then
            reply:add_header(name, text)
        end
    end
    txn:done(reply)
end

core.register_action("keyportal", { "http-req" }, function(txn, url)
    local answer = ask(txn, url)
    if answer.status == 200 then
        for _, name in ipairs(identity) do
            txn.http:req_set_header(name, value(answer.headers, name) or "")
        end
        for _, name in ipairs({ "RateLimit", "RateLimit-Policy" }) do
            local text = value(answer.headers, name)
            if text then
                txn:set_var("txn.keyportal." .. name:lower():gsub("-", "_"), text)
            end
        end
        txn:set_var("txn.keyportal.passed", true)
    elseif answer.status and answer.status >= 400 and answer.status < 500 then
        refuse(txn, answer)
    end
end, 1)
